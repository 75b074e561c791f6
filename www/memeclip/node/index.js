// The package in Node.js, Bun and Deno: the same classes, on another platform.

import { usePlatform } from '../platform.js';
import { node } from './platform.js';

usePlatform(node);

export * from '../memeclip.js';
