/** How mocha's processes tell each other of {@link TestServer}; worker processes are started with it. */
export const TEST_SERVER_VARIABLE = 'HEADGATE_TEST_SERVER';

/** The namespace of the test file that runs; emptied between files. */
export const FILE_NAMESPACE_VARIABLE = 'HEADGATE_TEST_NAMESPACE';
