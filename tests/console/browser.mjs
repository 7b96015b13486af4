// One Chromium for several walks: to start one takes a busy machine longer than most walks do. Each walk has a context of its
// own in it, with a storage of its own. It ends by SIGTERM.
//   node browser.mjs FILE     FILE: where its address is written once it is there; support.mjs wants it in BROWSER
import { renameSync, writeFileSync } from 'node:fs';
import { chromium, LAUNCH } from './support.mjs';

const [, , file] = process.argv;
const server = await chromium.launchServer(LAUNCH);
writeFileSync(`${file}.new`, server.wsEndpoint());
renameSync(`${file}.new`, file);
