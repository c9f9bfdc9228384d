/**
 * The limits of a deployment, the same as in the Convex cloud, so that an app that runs here runs there.
 * Source: docs.convex.dev, "Limits".
 */
const MiB = 1024 * 1024;

export const MAX_DOCUMENT_BYTES = 1 * MiB;
export const MAX_NESTING = 64;
export const MAX_ARRAY_LENGTH = 8192;
export const MAX_OBJECT_FIELDS = 1024;
export const MAX_FIELD_NAME_LENGTH = 1024;
export const MAX_IDENTIFIER_LENGTH = 64;
export const MAX_ARGUMENT_BYTES = 16 * MiB;
export const MAX_RESULT_BYTES = 16 * MiB;
export const MAX_BYTES_READ = 16 * MiB;
export const MAX_DOCUMENTS_READ = 32_000;
export const MAX_RANGES_READ = 4_096;
export const MAX_BYTES_WRITTEN = 16 * MiB;
export const MAX_DOCUMENTS_WRITTEN = 16_000;
export const MAX_SCHEDULED = 1_000;
export const MAX_SCHEDULED_ARGUMENT_BYTES = 4 * MiB;
export const MAX_SCHEDULED_TOTAL_BYTES = 16 * MiB;
/** How far ahead a function may be scheduled: five years. */
export const MAX_SCHEDULE_AHEAD_MS = 5 * 365 * 24 * 3600 * 1000;
export const MAX_INDEX_FIELDS = 16;
export const MAX_INDEXES_PER_TABLE = 64;
export const MAX_LOG_LINES = 256;
export const MAX_LOG_LINE_BYTES = 32 * 1024;
export const MAX_NESTED_CALLS = 8;
/** Queries in one `POST /api/query_batch`. */
export const MAX_BATCH = 1_000;
export const MAX_HTTP_BODY_BYTES = 20 * MiB;
/** A push: all modules with their source maps, unpacked; and what one may send. The code itself may have 32 MiB. */
export const MAX_PUSH_BYTES = 128 * MiB;
export const MAX_ENV_VALUE_BYTES = 8 * 1024;
export const MAX_ENV_VARIABLES = 1_000;

/** User time of one query or mutation. The thread that runs longer is ended. */
export const FUNCTION_TIME_MS = 1_000;
/** Total time of an action in the default runtime, and in the Node.js runtime. */
export const ACTION_TIME_MS = 30 * 60_000;
export const NODE_ACTION_TIME_MS = 10 * 60_000;
/** An action that holds its thread this long without yielding is taken for an endless loop. */
export const ACTION_STALL_MS = 10_000;
/** Completed scheduled functions stay visible this long. */
export const SCHEDULED_RESULT_RETENTION_MS = 7 * 24 * 3600 * 1000;

/** Sync protocol: mutations one socket may have queued (it isn't read while there are more), actions it may run. */
export const MAX_QUEUED_MUTATIONS = 1_000;
export const MAX_RUNNING_ACTIONS = 1_000;
/** Bytes of messages that one socket may have waiting; it isn't read while there are more. */
export const MAX_BACKLOG_BYTES = 32 * MiB;
/** A client that leaves this much unread is ended. It holds the largest result, and a transition beside it. */
export const MAX_UNREAD_BYTES = 64 * MiB;
/** Larger transitions go out in parts to clients that can read them. */
export const TRANSITION_CHUNK_CHARS = 5_000_000;
