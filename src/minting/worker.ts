import { type MessagePort, parentPort } from 'node:worker_threads'
import { serveJobs } from './serve.js'

// The entry point of a worker thread, which has a parent.
serveJobs(parentPort as MessagePort)
