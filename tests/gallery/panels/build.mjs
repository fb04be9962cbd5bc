// Bundles what draws the panels, and Grafana's components with it.
import { build } from 'esbuild';

await build({
  entryPoints: ['panels.jsx'],
  bundle: true,
  format: 'iife',
  outfile: 'panels.js',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  // Of their two forms, the one whose imports of older packages are understood as Grafana's own build does.
  alias: Object.fromEntries(['data', 'i18n', 'schema', 'ui'].map((name) => ['@grafana/' + name, `./node_modules/@grafana/${name}/dist/cjs/index.cjs`])),
  minify: true,
  logLevel: 'error',
});
