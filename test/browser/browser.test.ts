// Imports all tests into one file: the runner gives each test file a process of its own, and each would start a fixture.
import './session.js';
import './forgery.js';
import './headers.js';
import './web.js';
