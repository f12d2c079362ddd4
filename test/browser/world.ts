import { randomUUID } from 'node:crypto';
import { after, before, type TestContext } from 'node:test';
import { confirmEmail, createMugshotClient, signUp } from '@mugshot-studio/sdk';
import type * as sdk from '@mugshot-studio/sdk';
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import { confirmationCode } from '../ts/mail.js';
import { startStack } from '../ts/stack.js';
import { launchChromium } from './chromium.js';
import { startSite } from './site.js';
import { type Exchange, startWire } from './wire.js';

declare global {
  /** Of the web app, inside of the browser. */
  var mugshot: typeof sdk;
  var session: sdk.SessionStore;
}

export interface Account {
  email: string;
  password: string;
}

/** A server, a browser, and three sites that somebody may be on. Browsers find *.localhost here, and take it for safe. */
interface World {
  api: string;
  /** The API for those who have no browser. */
  direct: string;
  /** The one origin that the server allows. It is of the API's site, so that cookies go along. */
  app: string;
  /** Another origin of that site, such as a forgotten blog. SameSite does not keep it out. */
  sister: string;
  /** Another site. */
  stranger: string;
  account: Account;
  /** What went between browser and API since it was asked last. */
  take(): Exchange[];
  /** Opens a browser profile without cookies, for one test. */
  profile(t: TestContext): Promise<BrowserContext>;
}

/** What the hosts of one site are under. */
export const domain = 'mugshot.localhost';

/** Serves all tests: its start takes longer than they do. */
export let world: World;
const closers: (() => Promise<unknown>)[] = [];
before(async () => {
  world = await startWorld();
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function startWorld(): Promise<World> {
  const browser = await launchChromium();
  closers.push(() => browser.close());
  const app = await startSite();
  closers.push(app.close);
  const others = await startSite();
  closers.push(others.close);
  const origin = `http://app.${domain}:${app.port}`;
  const stack = await startStack({ ALLOWED_ORIGINS: origin, CSRF_COOKIE_DOMAIN: domain });
  closers.push(stack.stop);
  const wire = await startWire(new URL(stack.baseUrl));
  closers.push(wire.close);
  return {
    api: `http://api.${domain}:${wire.port}/api/v1`,
    direct: stack.baseUrl,
    app: origin,
    sister: `http://blog.${domain}:${others.port}`,
    stranger: `http://elsewhere.localhost:${others.port}`,
    account: await createAccount(stack.baseUrl, stack.mailDir),
    take: wire.take,
    profile: async (t) => {
      const context = await browser.newContext();
      t.after(() => context.close());
      wire.take();
      return context;
    },
  };
}

async function createAccount(baseUrl: string, mailDir: string): Promise<Account> {
  const client = createMugshotClient({ baseUrl });
  const username = randomUUID().slice(0, 18);
  const email = `${username}@example.com`;
  const password = `paint-${randomUUID()}`;
  await signUp({
    client,
    body: { email, password, confirm_password: password, username, full_name: 'Ada Lovelace', dob: '1995-12-10' },
  });
  await confirmEmail({ client, body: { email, code: await confirmationCode(mailDir, email) } });
  return { email, password };
}

/** Opens the web app. */
export const openApp = (context: BrowserContext): Promise<Page> =>
  open(context, `${world.app}/app?api=${encodeURIComponent(world.api)}`);

/** Opens a page. */
export async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** Signs in on a page of the app, as its script would, and answers what that script gets to see. */
export async function signInOn(page: Page, account: Account): Promise<sdk.Session> {
  return page.evaluate(async (credentials) => {
    const { data } = await mugshot.signIn({ body: { ...credentials, cookie: true } });
    await session.set(data);
    return data;
  }, account);
}

/** The name of the account that a page is signed in to, or the code of the error that it gets. */
export const whoAmI = (page: Page): Promise<string> =>
  page.evaluate(() => mugshot.getMe().then(({ data }) => data.email, (error: sdk.MugshotError) => error.code));

/** The cookies of a session. */
export interface Cookies {
  refresh: Cookie | undefined;
  csrf: Cookie | undefined;
}

/** Looks up which cookies the browser keeps, also those that no script can read. */
export async function cookiesOf(context: BrowserContext): Promise<Cookies> {
  const cookies = await context.cookies();
  const named = (name: string) => cookies.find((cookie) => cookie.name === name);
  return { refresh: named('mugshot_refresh'), csrf: named('mugshot_csrf') };
}
