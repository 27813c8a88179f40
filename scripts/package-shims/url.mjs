// Put in where a package uses the name: see SHIMS in build-packages.ts.
export { default as URL } from 'core-js-pure/actual/url/index.js'
