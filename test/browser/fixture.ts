import { randomUUID } from 'node:crypto';
import { after, before, type TestContext } from 'node:test';
import { confirmEmail, createMugshotClient, signUp } from '@mugshot-studio/sdk';
import type * as sdk from '@mugshot-studio/sdk';
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import { confirmationCode } from '../ts/mail.js';
import { startStack } from '../ts/stack.js';
import { launchChromium } from './chromium.js';
import { startSite } from './site.js';
import { type Exchange, startRecorder } from './recorder.js';

declare global {
  /** Of the web app, inside of the browser. */
  var mugshot: typeof sdk;
  var session: sdk.SessionStore;
}

export interface Account {
  email: string;
  password: string;
}

/** A server, a browser, and three sites a user may visit. Browsers resolve *.localhost to this machine, and treat it as secure. */
interface Fixture {
  api: string;
  /** The API's address without the recorder, for calls of the test itself. */
  direct: string;
  /** The one origin that the server allows. It belongs to the API's site, so that cookies are sent along. */
  app: string;
  /** Another origin of that site, such as a forgotten blog. SameSite lets its cookies through. */
  sister: string;
  /** Another site. */
  stranger: string;
  account: Account;
  /** Returns what browser and API exchanged since it was called last. */
  take(): Exchange[];
  /** Opens a browser profile without cookies, for one test. */
  profile(t: TestContext): Promise<BrowserContext>;
}

/** The domain above all hosts of the app's site. */
export const domain = 'mugshot.localhost';

/** Shared by all tests, since its start takes longer than they do. */
export let fixture: Fixture;
const closers: (() => Promise<unknown>)[] = [];
before(async () => {
  fixture = await startFixture();
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function startFixture(): Promise<Fixture> {
  const browser = await launchChromium();
  closers.push(() => browser.close());
  const app = await startSite();
  closers.push(app.close);
  const others = await startSite();
  closers.push(others.close);
  const origin = `http://app.${domain}:${app.port}`;
  const stack = await startStack({ ALLOWED_ORIGINS: origin, CSRF_COOKIE_DOMAIN: domain });
  closers.push(stack.stop);
  const recorder = await startRecorder(new URL(stack.baseUrl));
  closers.push(recorder.close);
  return {
    api: `http://api.${domain}:${recorder.port}/api/v1`,
    direct: stack.baseUrl,
    app: origin,
    sister: `http://blog.${domain}:${others.port}`,
    stranger: `http://elsewhere.localhost:${others.port}`,
    account: await createAccount(stack.baseUrl, stack.mailDir),
    take: recorder.take,
    profile: async (t) => {
      const context = await browser.newContext();
      t.after(() => context.close());
      recorder.take();
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
  open(context, `${fixture.app}/app?api=${encodeURIComponent(fixture.api)}`);

/** Opens a page. */
export async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** Signs in on a page of the app, as its script would, and returns what that script receives. */
export async function signInOn(page: Page, account: Account): Promise<sdk.Session> {
  return page.evaluate(async (credentials) => {
    const { data } = await mugshot.signIn({ body: { ...credentials, cookie: true } });
    await session.set(data);
    return data;
  }, account);
}

/** Returns the e-mail address of the account that a page is signed in to, or the code of the error that it receives. */
export const whoAmI = (page: Page): Promise<string> =>
  page.evaluate(() => mugshot.getMe().then(({ data }) => data.email, (error: sdk.MugshotError) => error.code));

/** The cookies of a session. */
export interface Cookies {
  refresh: Cookie | undefined;
  csrf: Cookie | undefined;
}

/** Returns the session cookies that the browser keeps, also those that no script can read. */
export async function cookiesOf(context: BrowserContext): Promise<Cookies> {
  const cookies = await context.cookies();
  const named = (name: string) => cookies.find((cookie) => cookie.name === name);
  return { refresh: named('mugshot_refresh'), csrf: named('mugshot_csrf') };
}
