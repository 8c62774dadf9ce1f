// Visits pages in Chromium and tells what a person and a screen reader would stumble over.
// Standard input: {"pages": [{"name", "url", "locale", "scheme", "screenshot"?}]}. Standard output: one JSON line per page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const asked = JSON.parse(readFileSync(0, "utf8"));
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
try {
  for (const page of asked.pages) console.log(JSON.stringify(await visit(page)));
} finally {
  await browser.close();
}

async function visit({ name, url, locale, scheme, screenshot }) {
  const context = await browser.newContext({ locale, colorScheme: scheme, viewport: { width: 1280, height: 900 }, bypassCSP: false });
  const page = await context.newPage();
  const said = [];
  const elsewhere = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => new URL(request.url()).origin !== new URL(url).origin && elsewhere.push(request.url()));
  const answer = await page.goto(url);
  const lang = await page.getAttribute("html", "lang");
  const text = (await page.innerText("body")).slice(0, 4000);
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: false });
  await page.keyboard.press("Tab");
  const focused = await page.evaluate(() => document.activeElement?.tagName ?? "");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  const csp = answer.headers()["content-security-policy"] ?? "";
  const violations = await judged(context, url, scheme, locale);
  await context.close();
  return { name, status: answer.status(), lang, text, focused, wide, csp, said, elsewhere, violations };
}

// axe-core is injected, which the page's own policy forbids: in a second look with the policy off.
async function judged(first, url, scheme, locale) {
  const context = await browser.newContext({ locale, colorScheme: scheme, viewport: { width: 1280, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  await context.close();
  return found.violations.map((each) => `${each.id}: ${each.help} (${each.nodes.length} places, first ${each.nodes[0]?.html.slice(0, 120)})`);
}
