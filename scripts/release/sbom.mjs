import { EXCEPTIONS } from './licenses.mjs';

/** What `npm sbom` gets wrong: it calls the root by its folder's name, and knows no license that package.json does not name. */
export function completed(sbom, name) {
  const component = { ...sbom.metadata.component, name };
  const components = sbom.components.map((each) => {
    const { license, unnamed } = EXCEPTIONS[each.name] ?? {};
    return unnamed ? { ...each, licenses: [{ license: { id: license } }] } : each;
  });
  return { ...sbom, metadata: { ...sbom.metadata, component }, components };
}
