// What a run was made on: the machine, and the versions of everything that was measured.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const PACKAGES = ['python3-fastapi', 'python3-uvicorn', 'python3-uvloop', 'python3-httptools', 'python3-boto3',
  'golang-github-aws-aws-sdk-go-v2-dev', 'libfcgi0ldbl', 'libssl3', 'wrk'];

// Both outputs: some programs tell their version on the one, some on the other.
function output(command, ...args) {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: __dirname });
  return `${stdout ?? ''}${stderr ?? ''}`.trim();
}

const firstOf = (text, pattern) => pattern.exec(text)?.[1] ?? 'unknown';

function debianPackages() {
  const lines = output('dpkg-query', '-W', '-f', '${Package} ${Version}\n', ...PACKAGES).split('\n');
  return Object.fromEntries(lines.filter((line) => /^[a-z0-9.-]+ \d\S*$/.test(line)).map((line) => line.split(' ')));
}

function machine() {
  const npm = JSON.parse(fs.readFileSync(path.join(__dirname, 'rivals/fastify/package.json'), 'utf8'));
  return {
    processor: os.cpus()[0].model.trim(),
    cores: os.cpus().length,
    memory_gb: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    system: firstOf(fs.readFileSync('/etc/os-release', 'utf8'), /^PRETTY_NAME="(.*)"$/m),
    commit: output('git', 'describe', '--always', '--dirty', '--exclude', '*'),
    versions: {
      nginx: firstOf(output('nginx', '-v'), /nginx\/(\S+)/),
      libcurl: firstOf(output('curl', '--version'), /libcurl\/(\S+)/),
      go: firstOf(output('go', 'version'), /go(\d\S*)/),
      node: process.version.slice(1),
      python: firstOf(output('/usr/bin/python3', '--version'), /Python (\S+)/),
      ...npm.dependencies,
      ...debianPackages(),
    },
  };
}

module.exports = { machine };
