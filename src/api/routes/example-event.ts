/** An event, as examples send and show it. */
export const ORDER_PAID = {
  specversion: '1.0',
  id: 'order-1',
  source: '/shop',
  type: 'order.paid',
  subject: 'c-7',
  data: { amount: 60 },
} as const;
