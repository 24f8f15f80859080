/**
 * The client of `@headgate/client`, for those who have all of Headgate installed. Who only publishes, consumes or
 * verifies installs that package alone: it has two small dependencies.
 */
export * from '@headgate/client';
