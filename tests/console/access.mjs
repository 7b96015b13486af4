// Whoever uses it: axe-core's judgement of every state of the page, in light and dark, wide and narrow.
//   node access.mjs wide|narrow
import assert from 'node:assert/strict';
import { run } from './support.mjs';

const MINUTE = 60_000;
const ANSWER = `Three days are enough for the **old quarters** and one excursion:

1. *Alfama* and the castle, early, before the crowds
2. Belém: the tower, the monastery, \`pastéis de nata\`
3. Sintra by train (40 minutes from Rossio)

| Day | Morning | Evening |
|---|---|---|
| 1 | Alfama | Fado |
| 2 | Belém | Bairro Alto |

\`\`\`python
def budget(days: int, per_day: float = 85.0) -> float:
    """What the trip costs, without the flight."""
    return days * per_day  # euros
\`\`\`

> Buy the train ticket the day before.

See [the tram map](https://example.org/trams).`;

async function scene(walk) {
  const now = Date.now();
  const history = (minutes, ...texts) => texts.map(([role, content, metadata], i) => (
    { role, content, timestamp: now - minutes * MINUTE + i * 30_000, ...(metadata ? { metadata } : {}) }));
  await walk.create({ title: 'Quarterly report: wording of the summary', tags: ['work'], messages: history(60 * 24 * 40, ['user', 'Shorten this, please.'], ['assistant', 'Revenue grew by 12 %, costs by 3 %.']) });
  await walk.create({ title: 'خطة السفر إلى لشبونة', messages: history(60 * 24 * 3, ['user', 'ما هو أفضل وقت للزيارة؟'], ['assistant', 'الربيع، من مارس إلى مايو.']) });
  await walk.create({ title: 'Regular expression for IPv6 addresses', tags: ['code', 'work'], messages: history(60 * 30, ['user', 'Which one is right?'], ['assistant', 'None: use a parser such as inet_pton.']) });
  await walk.create({ title: 'Sourdough that does not rise', messages: history(60 * 5, ['user', 'My starter is three days old.'], ['assistant', 'Give it another week, and feed it twice a day.']) });
  const lisbon = await walk.create({
    title: 'Trip to Lisbon', pinned: true, tags: ['travel', 'family'],
    messages: history(60 * 24 + 20, ['system', 'You are a travel guide. Be brief.'], ['user', 'What should we see in Lisbon in three days? We like walking, and trams.'], ['assistant', ANSWER],
      ['tool', [{ type: 'text', text: 'Weather: 24 °C, dry.' }, { type: 'tool_result', id: 'w-1', temperature: 24 }], { model: 'm-1' }],
      ['user', 'And where do we eat?']),
  });
  await walk.create({ title: 'Old drafts', archived: true, messages: history(60 * 24 * 90, ['user', 'Nothing of note.']) });
  return lisbon;
}

async function everyState(walk, width, options) {
  const lisbon = await scene(walk);
  const page = await walk.open({ ...options, hash: '#/' });
  const judge = async (what) => {
    await walk.picture(`${width}-light-${what}`);
    await walk.judgeAccess(`${what} (${width}, light)`);
    // In the dark only the colours are others.
    await page.emulateMedia({ colorScheme: 'dark' });
    await walk.picture(`${width}-dark-${what}`);
    await walk.judgeAccess(`${what} (${width}, dark)`, ['color-contrast']);
    await page.emulateMedia({ colorScheme: 'light' });
  };
  await page.getByLabel('User').waitFor();
  await judge('sign-in');
  await page.getByLabel('User').fill(walk.user);
  await page.getByRole('button', { name: 'Show conversations' }).click();
  await page.getByRole('link', { name: /Trip to Lisbon/ }).waitFor();
  await judge('list');
  await page.getByLabel('More', { exact: true }).click();
  await judge('menu');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /Trip to Lisbon/ }).click();
  await walk.message('And where do we eat?').waitFor();
  await judge('conversation');
  await page.locator('.scroller').evaluate((element) => element.scrollTo(0, -10_000));
  await page.getByText('This is the beginning.').waitFor();
  await judge('beginning');
  await page.getByRole('button', { name: "Edit user's message" }).first().click();
  await judge('editor');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Rename this conversation' }).click();
  await page.getByRole('textbox', { name: 'Title' }).waitFor();
  await judge('renaming');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Delete this conversation' }).click();
  await page.getByRole('dialog').waitFor();
  await judge('question');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Export this conversation' }).click();
  await page.getByRole('dialog').waitFor();
  await judge('export');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await walk.importFile(page, 'export.ndjson', `${JSON.stringify({ type: 'session', session_id: 'x', title: 'Imported' })}\n${JSON.stringify({ type: 'message', role: 'robot', content: 'x' })}\n`);
  await page.getByText(/imported/).first().waitFor();
  await judge('import');
  await page.getByRole('button', { name: 'Done' }).click();
  walk.expected.push(/500/);
  walk.intercept = (route, request) => request.method() === 'POST' && route.fulfill({ status: 500, json: { status: 500, code: 'internal', detail: 'Something went wrong in the service.', request_id: 'r' } }).then(() => true);
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill('Hello');
  await page.getByRole('button', { name: 'Send' }).click();
  await walk.said('Something went wrong in the service.', 'alert');
  await judge('problem');
  assert(lisbon);
}

await run({
  wide: (walk) => everyState(walk, 'wide', {}),
  narrow: (walk) => everyState(walk, 'narrow', { size: { width: 390, height: 844 } }),
}, { fake: true });
