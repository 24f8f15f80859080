import { armFaultPoint, type FaultPoint } from '../../../src/platform/fault-point.js';
import type { LoadInput } from '../../../src/stores/warehouse/warehouse.js';
import { openWarehouse, type WarehousePlace } from '../../support/warehouses.js';

/** A process for killed-loads.ts to kill: loads once, and dies at the fault point that it is given. */
const [place, input, point, passes] = JSON.parse(process.argv[2] as string) as [
  WarehousePlace,
  LoadInput,
  FaultPoint,
  number,
];
armFaultPoint(point, passes);
const result = await openWarehouse(place).load(input);
process.stdout.write(`${JSON.stringify(result)}\n`);
