// Draws the panels of a dashboard with Grafana's own components, from answers of Prometheus that are there already: `window.shown`.
import 'uplot/dist/uPlot.min.css';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom, of } from 'rxjs';
import {
  FieldType, Registry, applyFieldOverrides, createTheme, dateTime, getFieldDisplayValues, standardTransformers,
  standardTransformersRegistry, ThemeContext, toDataFrame, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, TimeSeries, VizRepeater } from '@grafana/ui';

const { dashboard, panels, answers, from, to, scheme } = window.shown;
const theme = createTheme({ colors: { mode: scheme } });
const COLUMN = 1200 / 24, ROW = 38, GAP = 8;

// What Grafana's server part would register: each property of a field is taken as the dashboard has it.
const property = (id, path, isCustom) => ({ id, path, isCustom, name: id, process: (value) => value, shouldApply: () => true });
const PLAIN = ['unit', 'decimals', 'min', 'max', 'displayName', 'color', 'thresholds', 'mappings', 'noValue'];
const CUSTOM = ['width', 'align', 'cellOptions', 'inspect', 'drawStyle', 'lineWidth', 'fillOpacity', 'showPoints', 'spanNulls', 'stacking',
  'lineInterpolation', 'pointSize', 'axisPlacement', 'scaleDistribution', 'hideFrom'];
const properties = new Registry(() => [
  ...PLAIN.map((id) => property(id, id, false)), ...CUSTOM.map((id) => property('custom.' + id, id, true)),
]);
// Some have an older name beside their own.
const transformers = new Map(Object.values(standardTransformers).map((transformation) => [transformation.id, transformation]));
standardTransformersRegistry.setInit(() => [...transformers].map(([id, transformation]) => ({ id, name: id, transformation })));
const LINES = {
  lineInterpolation: 'linear', pointSize: 5, axisPlacement: 'auto', scaleDistribution: { type: 'linear' },
  hideFrom: { viz: false, legend: false, tooltip: false },
};

// What is no number leaves a gap, as in Grafana's panels.
const value = ([, text]) => (Number.isFinite(Number(text)) ? Number(text) : null);
const legend = (format, labels) => (format || '').replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');

// Of an answer, what Grafana's data source for Prometheus makes.
function frames(target, series, several) {
  if (target.format === 'table') {
    const names = [...new Set(series.flatMap((one) => Object.keys(one.metric)))];
    const column = (name) => ({ name, type: FieldType.string, config: {}, values: series.map((one) => one.metric[name] ?? '') });
    const time = { name: 'Time', type: FieldType.time, config: {}, values: series.map((one) => one.value[0] * 1000) };
    const number = { name: several ? 'Value #' + target.refId : 'Value', type: FieldType.number, config: {}, values: series.map((one) => value(one.value)) };
    return [toDataFrame({ refId: target.refId, fields: [time, ...names.map(column), number] })];
  }
  return series.map((one) => {
    const points = one.values ?? [one.value];
    const config = target.legendFormat ? { displayNameFromDS: legend(target.legendFormat, one.metric) } : {};
    return toDataFrame({ refId: target.refId, fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: points.map(([at]) => at * 1000) },
      { name: 'Value', type: FieldType.number, config, labels: one.metric, values: points.map(value) },
    ] });
  });
}

async function data(panel) {
  const raw = panel.targets.flatMap((target) => frames(target, answers[panel.id][target.refId], panel.targets.length > 1));
  const made = await lastValueFrom(transformDataFrame(panel.transformations ?? [], raw, { interpolate: (text) => text }));
  const { defaults, overrides } = panel.fieldConfig;
  const custom = panel.type === 'timeseries' ? { ...LINES, ...defaults.custom } : defaults.custom;
  const open = (thresholds) => thresholds && { ...thresholds, steps: thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
  const opened = overrides.map((override) => ({ ...override, properties: override.properties.map(
    (one) => (one.id === 'thresholds' ? { ...one, value: open(one.value) } : one)) }));
  const fieldConfig = { defaults: { ...defaults, custom, thresholds: open(defaults.thresholds) }, overrides: opened };
  return applyFieldOverrides({ data: made, fieldConfig, fieldConfigRegistry: properties, replaceVariables: (text) => text, theme, timeZone: 'utc' });
}

function Body({ panel, data, width, height }) {
  const { options } = panel;
  if (!data.length || data.every((frame) => !frame.length)) return <p style={{ textAlign: 'center' }}>No data</p>;
  if (panel.type === 'timeseries') {
    const [start, end] = [from, to].map((at) => dateTime(at * 1000));
    const timeRange = { from: start, to: end, raw: { from: start, to: end } };
    return <TimeSeries frames={data} width={width} height={height} timeRange={timeRange} timeZone="utc" legend={options.legend} options={{}} />;
  }
  if (panel.type === 'table') {
    return <Table data={data[0]} width={width} height={height} cellHeight={options.cellHeight} noHeader={!options.showHeader}
      fieldConfig={panel.fieldConfig} initialSortBy={[]} getActions={() => []} enableSharedCrosshair={false} />;
  }
  const fieldConfig = panel.fieldConfig;
  const values = () => getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: (text) => text, theme, data, timeZone: 'utc' });
  const one = panel.type === 'stat'
    ? ({ value, width, height }) => <BigValue theme={theme} value={value.display} width={width} height={height} colorMode={options.colorMode}
      graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={options.textMode} wideLayout={options.wideLayout} />
    : ({ value, width, height, orientation }) => <BarGauge theme={theme} value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      width={width} height={height} orientation={orientation} displayMode={options.displayMode} valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement} showUnfilled={options.showUnfilled} itemSpacing={8} lcdCellWidth={12} />;
  return <VizRepeater source={data} getValues={values} renderValue={one} orientation={options.orientation} width={width} height={height}
    renderCounter={0} itemSpacing={8} minVizHeight={options.minVizHeight} minVizWidth={options.minVizWidth} autoGrid={panel.type === 'stat'} />;
}

function Panel({ panel, data }) {
  const { x, y, w, h } = panel.gridPos;
  const place = { position: 'absolute', left: x * COLUMN, top: y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP };
  if (panel.type === 'row') return <h6 style={{ ...place, margin: 0, lineHeight: '30px' }}>⌄ {panel.title}</h6>;
  return (
    <div style={place}>
      <PanelChrome title={panel.title} width={place.width} height={place.height}>
        {(width, height) => <Body panel={panel} data={data} width={width} height={height} />}
      </PanelChrome>
    </div>
  );
}

async function draw() {
  const drawn = await Promise.all(panels.map(async (panel) => ({ panel, data: panel.type === 'row' ? [] : await data(panel) })));
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * ROW + GAP;
  const ground = { position: 'relative', margin: GAP, width: 1200, height };
  createRoot(document.getElementById('panels')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={ground}>{drawn.map((one) => <Panel key={one.panel.id} {...one} />)}</div>
    </ThemeContext.Provider>);
  document.title = dashboard;
}

draw().catch((problem) => { document.title = String(problem.stack); });
