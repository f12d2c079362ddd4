// Writes gen/postman/collection.json from api/openapi.yaml, always the same for the same spec. Beyond the converter's output,
// each request checks that the spec declares its answer, and stores the ids that it creates for the next requests: run from the
// top, they do the main job.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import converter from 'openapi-to-postmanv2';
import { parse } from 'yaml';

const source = new URL('../../api/openapi.yaml', import.meta.url);
const target = new URL('../../gen/postman/collection.json', import.meta.url);

/** The variables that an operation sets, with the members of its answer that they take. */
const created = {
  createProject: { project_id: 'id' },
  queueProject: { job_id: 'job_id' },
  createUpload: { asset_id: 'asset_id' },
  signIn: { session_token: 'session_token', refresh_token: 'refresh_token' },
  newChat: { chat_id: 'chat_id' },
  sendMessage: { message_id: 'reply.id' },
};

const text = readFileSync(source, 'utf8');
const spec = parse(text);
const { result, reason, output } = await promisify(converter.convert)({ type: 'string', data: text }, {
  folderStrategy: 'Tags',
  requestParametersResolution: 'Example',
  exampleParametersResolution: 'Example',
  alwaysInheritAuthentication: true,
  stackLimit: 50,
});
if (!result) throw new Error(reason);

const { item: folders, info, event } = output[0].data;
const operations = operationsOf(spec);
const variables = [...new Set(Object.values(created).flatMap(Object.keys))];
const collection = {
  info: { name: info.name, description: spec.info.description, schema: info.schema },
  item: folders.map(({ name, item }) => ({
    name, description: spec.tags.find((tag) => tag.name === name).description, item: item.map(request),
  })),
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{session_token}}', type: 'string' }] },
  event,
  variable: [
    { key: 'baseUrl', value: 'http://127.0.0.1:8080/api/v1' },
    ...variables.map((key) => ({ key, value: '' })),
  ],
};
mkdirSync(new URL('.', target), { recursive: true });
writeFileSync(target, `${JSON.stringify(collection, null, 2)}\n`);

/** Returns the operations by method and path, in Postman's notation. */
function operationsOf({ paths }) {
  const found = new Map();
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation.operationId) continue;
      found.set(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, operation);
    }
  }
  return found;
}

/** Makes a request from the converter's, without the ids that differ each time. */
function request({ name, request: { method, url, header, body, auth, description }, response }) {
  const operation = operations.get(`${method} /${url.path.join('/')}`);
  for (const variable of url.variable ?? []) {
    if (variables.includes(variable.key)) variable.value = `{{${variable.key}}}`;
  }
  for (const { name } of operation.parameters?.filter((parameter) => parameter.in === 'header' && !parameter.required) ?? []) {
    header.find(({ key }) => key === name).disabled = true;
  }
  return {
    name: operation.operationId,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: checks(operation) } }],
    request: { method, url, header, body, ...(auth && { auth }), description: `${name}. ${description.content}` },
    response: response
      .filter(({ code }) => code < 300)
      .map(({ name, status, code, header, body }) => ({ name, status, code, header, body })),
  };
}

function checks({ operationId, responses }) {
  const statuses = Object.keys(responses).map(Number);
  return [
    `pm.test('the answer is declared', () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statuses)}));`,
    "pm.test('it is typed', () => pm.response.code === 204 || pm.expect(pm.response.headers.get('Content-Type')).to.match(/^(application\\/json|text\\/event-stream)/));",
    "pm.test('a failure has the envelope', () => pm.response.code < 400 || pm.expect(pm.response.json().error).to.include.keys('code', 'message'));",
    ...Object.entries(created[operationId] ?? {}).map(([name, member]) =>
      `if (pm.response.code < 300) pm.collectionVariables.set('${name}', pm.response.json().${member.replaceAll('.', '?.')});`),
  ];
}
