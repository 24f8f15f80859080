/** Licenses of what Headgate brings to those who install it. */

/** Licenses that ask for no more than their notice; as SPDX calls them. */
const ALLOWED = ['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'BlueOak-1.0.0', '0BSD'];

/** Packages with another license, or whose package.json names none (`unnamed`): which it is, and why it is fine. */
export const EXCEPTIONS = {
  'caniuse-lite': { license: 'CC-BY-4.0', why: 'data, which comes with its notice' },
  'fs-monkey': { license: 'Unlicense', why: 'public domain' },
  unionfs: { license: 'Unlicense', unnamed: true, why: 'public domain, says its LICENSE' },
};

/** The packages of a package-lock.json that an installation may get: none for development alone, and no workspace. */
function shippedPackages(lock) {
  return Object.entries(lock.packages).flatMap(([path, { version, license, dev, link }]) => {
    const at = path.lastIndexOf('node_modules/');
    return dev || link || at === -1
      ? []
      : [{ name: path.slice(at + 'node_modules/'.length), version, license }];
  });
}

/** A sentence for each package whose license is not allowed, and for each exception that is not needed. */
export function licenseProblems(lock) {
  const shipped = shippedPackages(lock);
  const refused = shipped.filter(({ name, license }) => !isAllowed(license) && !isExcepted(name, license));
  const names = new Set(shipped.map(({ name }) => name));
  return [
    ...refused.map(
      ({ name, version, license }) => `${name}@${version} has the license ${license ?? 'of no name'}.`,
    ),
    ...Object.keys(EXCEPTIONS)
      .filter((name) => !names.has(name))
      .map((name) => `${name} is an exception that nothing needs any more.`),
  ];
}

function isExcepted(name, license) {
  const exception = EXCEPTIONS[name];
  return exception !== undefined && license === (exception.unnamed ? undefined : exception.license);
}

/** True for an SPDX expression all of whose parts are allowed; of alternatives one is enough. */
export function isAllowed(expression) {
  // Brackets elsewhere stay, and what has one is no license: such an expression is for a person to read.
  const bare = (expression ?? '').replace(/^\(([^()]*)\)$/, '$1');
  return bare.split(' OR ').some((one) => one.split(' AND ').every((id) => ALLOWED.includes(id)));
}
