// The lint rules of all JavaScript in the repository. Paths are relative to its root, where `npm run lint` starts ESLint.

import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import globals from 'globals';

export default defineConfig(
  globalIgnores(['**/node_modules/', '**/pkg/', 'target/']),
  {
    files: ['www/**/*.js', 'tests/**/*.js'],
    extends: [js.configs.recommended],
    rules: { 'no-unused-vars': ['error', { ignoreRestSiblings: true }] },
  },
  { files: ['www/**/*.js'], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  { files: ['www/memeclip/node/*.js'], languageOptions: { globals: globals.node } },
  { files: ['www/**/service-worker.js'], languageOptions: { globals: globals.serviceworker } },
  { files: ['www/extension/**/*.js'], languageOptions: { globals: globals.webextensions } },
  { files: ['www/extension/bundle.js'], languageOptions: { globals: globals.node } },
  // Tests run in Node, and the functions that they evaluate run in the browser, where the tests define a few names.
  {
    files: ['tests/**/*.js'],
    languageOptions: {
      globals: {
        ...globals.node,
        ...globals.browser,
        ...globals.webextensions,
        ...Object.fromEntries(['MemeClip', 'axe', 'clf', 'progress', 'run'].map((name) => [name, 'readonly'])),
      },
    },
  },
);
