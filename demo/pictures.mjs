// The pictures of README.md, taken of the demo once its journey is over: `demo/run pictures`. Needs Chromium and web/node_modules.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { chromium } = createRequire(join(root, 'web/package.json'))('@playwright/test');
const { DEMO_URL: url, DEMO_EMAIL: email, DEMO_PASSWORD: password } = process.env;

const VIEWPORT = { width: 1280, height: 800 };
/** Text stays sharp, and four pictures stay under 400 kB. */
const WEBP_QUALITY = 88;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Chromium's sandbox refuses to start as root.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
try {
  const context = await browser.newContext({ viewport: VIEWPORT, reducedMotion: 'reduce', colorScheme: 'light', baseURL: url });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const get = async (path) => (await page.request.get(`/api/v1${path}`)).json();
  const picture = async (name) => {
    await page.mouse.move(0, 0);
    await page.waitForLoadState('networkidle');
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: WEBP_QUALITY });
    const bytes = Buffer.from(data, 'base64');
    writeFileSync(join(root, `docs/screenshot-${name}.webp`), bytes);
    console.log(`docs/screenshot-${name}.webp ${Math.round(bytes.length / 1000)} kB`);
  };
  const cell = (row, column) => page.locator(`[role=grid] [aria-rowindex="${row + 1}"] > [aria-colindex="${column + 1}"]`);

  await page.request.post('/api/v1/sign-in', { data: { email, password }, headers: { origin: url } });
  const model = (await get('/models')).items[0];
  const connection = (await get('/connections')).items[0];
  const tables = (await get(`/models/${model.id}/tables`)).items;
  const orders = tables.find(({ name }) => name === 'orders');
  const customers = tables.find(({ name }) => name === 'customers');

  await page.goto(`/models/${model.id}/import?${new URLSearchParams({ connection: connection.id, schema: 'public', from: 'products' })}`);
  await page.getByRole('grid').getByRole('gridcell').first().waitFor();
  await picture('import');

  const shown = ['id', 'status', 'placed_at', 'total', 'currency', 'coupon', 'delivery_time'];
  const view = { table: orders.id, f: 'status.eq.shipped', sort: '-total', cols: shown.join() };
  await page.goto(`/models/${model.id}?${new URLSearchParams(view)}`);
  const total = shown.indexOf('total') + 1;
  await cell(3, total).click();
  await cell(9, total).click({ modifiers: ['Shift'] });
  await page.getByText(/^Sum/).waitFor();
  await picture('table');

  await page.goto(`/models/${model.id}?table=${customers.id}`);
  await cell(4, 3).click();
  await page.keyboard.press(' ');
  await page.getByRole('complementary', { name: 'Record' }).getByRole('heading').first().waitFor();
  await picture('record');

  await page.goto(`/models/${model.id}/history?${new URLSearchParams({ table: orders.id, from: '1', to: String(orders.version) })}`);
  await page.getByLabel('Which changes').selectOption('changed');
  await page.getByLabel('Only columns that differ, and the key').check();
  await page.getByRole('grid').getByRole('gridcell').first().waitFor();
  await picture('history');
} finally {
  await browser.close();
}
