/**
 * The state of Floyd: every table, who writes it and who reads it.
 *
 * "Person" is a signed-in human (their clients: web, CLI, `POST /requests`), "worker" is the daemon that makes
 * the calls, "time-outs" are the scheduled mutations in `expiry.ts`. Times are epoch milliseconds; the timings
 * of a turn are milliseconds. A list that grows is a table, never an array in a document: a document is
 * rewritten as a whole, and everyone who reads it is woken.
 */
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { literals } from "convex-helpers/validators";

export const requestStatus = literals(
  "pending",
  "inFlight",
  "needsInput",
  "completed",
  "failed",
  "cancelled",
);

/** Where a request stands for its owner, in one word for several statuses; `lifecycle.ts` says which. */
export const standing = literals("active", "waiting", "done", "failed");

/** What is happening inside `inFlight`. */
export const stage = literals(
  "gatheringContext",
  "planning",
  "findingNumber",
  "dialing",
  "ringing",
  "talking",
  "onHold",
  "wrappingUp",
);

export const outcomeKind = literals(
  "done",
  "declined",
  "noAnswer",
  "busy",
  "voicemailLeft",
  "wrongNumber",
  "needsInput",
  "refusedAutomated",
  "policyBlocked",
  "interrupted",
  "error",
);

/** Something Floyd says it was told. `lines` are the transcript seqs that support it; none: `confirmed` false. */
export const reportedFact = v.object({
  text: v.string(),
  callId: v.optional(v.id("calls")),
  lines: v.array(v.number()),
  confirmed: v.boolean(),
});

export const outcome = v.object({
  kind: outcomeKind,
  summary: v.string(),
  reported: v.array(reportedFact),
});

/** Whether Floyd may tell a fact: freely, after asking its owner, or never (then no worker ever sees it). */
export const sharing = literals("free", "ask", "never");

/** One fact as it was when it was chosen for a request. */
export const contextFact = v.object({
  factId: v.optional(v.id("facts")),
  text: v.string(),
  sharing,
});

export const chosenNumber = v.object({
  phone: v.string(),
  source: literals("request", "contact", "fact", "owner", "override"),
  name: v.optional(v.string()),
});

export const callStatus = literals("dialing", "ringing", "answered", "ended");
/** "owner": the person whom Floyd calls for, speaking themselves after taking over. */
export const speaker = literals("floyd", "callee", "owner");
export const questionStatus = literals("open", "answered", "expired", "cancelled");
export const workerStatus = literals("running", "draining", "stopped");

/** By what a call reaches its callee. "browser": the person's own page rings, and they play the callee. */
export const carrier = literals("telephone", "browser");

/**
 * Who speaks on a call, and whether it is to end now. `takeOvers` counts: a worker may see the owner leave and come
 * back as one change.
 */
export const control = v.object({
  by: literals("floyd", "owner"),
  hangUp: v.optional(v.literal(true)),
  takeOvers: v.optional(v.number()),
});

/** What a call has used so far; `seconds` on the line. */
export const usage = v.object({
  promptTokens: v.number(),
  completionTokens: v.number(),
  speechChars: v.number(),
  recognisedSeconds: v.number(),
  seconds: v.number(),
});

/** Times of day, "HH:MM", in the person's time zone; from 22:00 to 06:00 is overnight. */
export const callHours = v.object({ from: v.string(), to: v.string() });

export const limits = v.object({
  maxSpendUsd: v.optional(v.number()),
  maxCallMinutes: v.number(),
  recordCalls: v.boolean(),
});

/** Offsets in ms from `speechEndedAt`, then how the whole divides; whatever did not happen is absent. */
export const turnTimings = {
  turn: v.number(),
  speechEndedAt: v.number(),
  finalTranscript: v.optional(v.number()),
  endpointed: v.optional(v.number()),
  modelAsked: v.optional(v.number()),
  firstToken: v.optional(v.number()),
  firstClause: v.optional(v.number()),
  firstAudio: v.optional(v.number()),
  firstSent: v.optional(v.number()),
  firstPlayed: v.optional(v.number()),
  /** Answers begun while the callee still spoke and thrown away unheard, and how much the model had written of them. */
  discarded: v.optional(v.number()),
  discardedTokens: v.optional(v.number()),
  endpointingMs: v.optional(v.number()),
  modelMs: v.optional(v.number()),
  speechMs: v.optional(v.number()),
  floydMs: v.optional(v.number()),
  totalMs: v.optional(v.number()),
  interrupted: v.boolean(),
};

/** One utterance. `text` is what was heard; `intended` is the whole of a line that was cut by an interruption. */
export const transcriptLine = {
  seq: v.number(),
  speaker,
  text: v.string(),
  startedAt: v.number(),
  endedAt: v.number(),
  interrupted: v.boolean(),
  intended: v.optional(v.string()),
};

export default defineSchema({
  /** A person Floyd works for. Written by that person (first sign-in, settings); read by them and by workers. */
  users: defineTable({
    tokenIdentifier: v.string(),
    name: v.string(),
    phone: v.optional(v.string()),
    timezone: v.string(),
    language: v.optional(v.string()),
    /** Floyd dials only within them. None: at any time. */
    callHours: v.optional(callHours),
    /** The voice that Floyd speaks with, by the name the speech provider has for it. */
    voice: v.optional(v.string()),
    limits,
  })
    .index("by_token", ["tokenIdentifier"])
    .index("by_phone", ["phone"]),

  /**
   * What Floyd knows about a person. Written by the person, and by workers as offers that the person accepts
   * or rejects; read by the person, and by workers when accepted and not marked `never`.
   */
  facts: defineTable({
    userId: v.id("users"),
    text: v.string(),
    source: literals("owner", "call", "import", "answer"),
    sharing,
    status: literals("accepted", "offered", "rejected"),
    /** Where it was learnt: the request, its call, and the transcript seqs that support it. */
    requestId: v.optional(v.id("requests")),
    callId: v.optional(v.id("calls")),
    lines: v.optional(v.array(v.number())),
  }).index("by_user", ["userId", "status"]),

  /** Whom a person may want called. Written by the person; read by the person and by workers. */
  contacts: defineTable({
    userId: v.id("users"),
    name: v.string(),
    phone: v.string(),
    aliases: v.array(v.string()),
    notes: v.optional(v.string()),
  }).index("by_user", ["userId"]),

  /**
   * What a person wants done. Created, edited, cancelled and (through an answer) resumed by the person, carried
   * out by the worker that holds its lease; `status` is written by `lifecycle.ts` alone. Read by both.
   */
  requests: defineTable({
    userId: v.id("users"),
    text: v.string(),
    idempotencyKey: v.optional(v.string()),
    toNumber: v.optional(v.string()),
    status: requestStatus,
    /** Follows from `status`, for the lists. None in rows of earlier versions until `upgrade.ts` has been there. */
    standing: v.optional(standing),
    stage: v.optional(stage),
    /** While inFlight: who has it. The lease itself is apart, so that heartbeats wake no client. */
    workerId: v.optional(v.string()),
    /** Not claimed before this. */
    notBefore: v.number(),
    /** When it was due, if that was outside its owner's call hours, so that `notBefore` is their next beginning. */
    movedFrom: v.optional(v.number()),
    /** Its owner has chosen the moment of the next call: the call hours do not apply to it. */
    anyHour: v.optional(v.boolean()),
    /** The request that this one repeats. */
    againOf: v.optional(v.id("requests")),
    /** Calls begun so far. */
    attempts: v.number(),
    /** Leases lost before dialling, so that a request that kills its workers comes to an end. */
    lostLeases: v.optional(v.number()),
    plan: v.optional(v.string()),
    planDone: v.optional(v.boolean()),
    context: v.optional(v.array(contextFact)),
    number: v.optional(chosenNumber),
    outcome: v.optional(outcome),
    updatedAt: v.number(),
  })
    .index("by_status", ["status", "notBefore"])
    .index("by_user", ["userId"])
    .index("by_standing", ["standing", "userId"])
    .index("by_key", ["userId", "idempotencyKey"])
    .index("by_again", ["againOf"])
    .searchIndex("by_text", { searchField: "text", filterFields: ["userId", "standing"] }),

  /**
   * A worker's right to work on a request. Written by claims, heartbeats and time-outs; read by the functions
   * that check the fencing token, and by the worker's inbox. An ended lease stays for a while, so that a write
   * repeated by a worker that missed the reply is known as a repetition.
   */
  leases: defineTable({
    requestId: v.id("requests"),
    workerId: v.string(),
    incarnation: v.string(),
    token: v.string(),
    expiresAt: v.number(),
    endedAt: v.optional(v.number()),
    /** The operation that ended it. */
    endedBy: v.optional(v.string()),
    /** The question that this lease's end left open, if it did. */
    questionId: v.optional(v.id("questions")),
  })
    .index("by_request", ["requestId", "endedAt"])
    .index("by_worker", ["workerId", "endedAt"])
    .index("by_token", ["token"])
    .index("by_end", ["endedAt"]),

  /**
   * One attempt to call. Written by the worker that dials and by carrier callbacks, but for `control`, which is
   * written by the person and read by the worker; read by the person.
   */
  calls: defineTable({
    requestId: v.id("requests"),
    userId: v.id("users"),
    attempt: v.number(),
    to: v.string(),
    workerId: v.string(),
    /** Whose token may write about this call, even after the lease has ended. */
    leaseId: v.id("leases"),
    status: callStatus,
    /** None: by telephone. */
    carrier: v.optional(carrier),
    /** None: Floyd speaks. */
    control: v.optional(control),
    callSid: v.optional(v.string()),
    mediaTokenHash: v.string(),
    mediaOpenedAt: v.optional(v.number()),
    answeredBy: v.optional(v.string()),
    dialedAt: v.optional(v.number()),
    answeredAt: v.optional(v.number()),
    endedAt: v.optional(v.number()),
    endReason: v.optional(v.string()),
    disclosureAt: v.optional(v.number()),
    recording: v.optional(v.string()),
    usage: v.optional(usage),
  })
    .index("by_request", ["requestId", "attempt"])
    .index("by_user", ["userId", "status"])
    .index("by_sid", ["callSid"])
    .index("by_status", ["status"]),

  /** What was said and heard, one row per utterance, never changed. Written by the worker; read by the person. */
  transcript: defineTable({
    callId: v.id("calls"),
    requestId: v.id("requests"),
    userId: v.id("users"),
    ...transcriptLine,
  })
    .index("by_call", ["callId", "seq"])
    .index("by_request", ["requestId"]),

  /**
   * What a person whispers to Floyd during a call, for its next turn. Written by the person, taken by the worker;
   * read by both.
   */
  hints: defineTable({
    callId: v.id("calls"),
    requestId: v.id("requests"),
    userId: v.id("users"),
    text: v.string(),
    takenAt: v.optional(v.number()),
  })
    .index("by_call", ["callId", "takenAt"])
    .index("by_request", ["requestId"]),

  /** The words being spoken now, one row per call, overwritten. Written by the worker; read by the person. */
  live: defineTable({
    callId: v.id("calls"),
    requestId: v.id("requests"),
    userId: v.id("users"),
    speaker,
    text: v.string(),
    updatedAt: v.number(),
  })
    .index("by_call", ["callId"])
    .index("by_request", ["requestId"]),

  /** How long each answer of Floyd's took, and where the time went. Written by the worker; read by the person. */
  turns: defineTable({
    callId: v.id("calls"),
    requestId: v.id("requests"),
    userId: v.id("users"),
    ...turnTimings,
  })
    .index("by_call", ["callId", "turn"])
    .index("by_request", ["requestId"]),

  /**
   * What Floyd asked its owner. Opened by the worker, answered by the person (in a client or by SMS), expired
   * by time-outs; read by both. With `callId` somebody is holding the line.
   */
  questions: defineTable({
    requestId: v.id("requests"),
    userId: v.id("users"),
    callId: v.optional(v.id("calls")),
    workerId: v.optional(v.string()),
    text: v.string(),
    status: questionStatus,
    deadline: v.number(),
    answer: v.optional(v.string()),
    answeredAt: v.optional(v.number()),
  })
    .index("by_request", ["requestId", "status"])
    .index("by_user", ["userId", "status"])
    .index("by_worker", ["workerId", "status"]),

  /**
   * SMS in and out. Incoming: written by the worker from the carrier's webhook. Outgoing: queued when a
   * question is opened, sent by the worker. Read by the worker.
   */
  messages: defineTable({
    userId: v.optional(v.id("users")),
    questionId: v.optional(v.id("questions")),
    direction: literals("in", "out"),
    status: literals("received", "queued", "sent", "failed", "dropped"),
    from: v.optional(v.string()),
    to: v.optional(v.string()),
    body: v.string(),
    sid: v.optional(v.string()),
    error: v.optional(v.string()),
  })
    .index("by_sid", ["sid"])
    .index("by_status", ["direction", "status"])
    .index("by_question", ["questionId", "status"]),

  /** Which fact was told to whom, at which line. Written by the worker; read by the person. */
  disclosures: defineTable({
    requestId: v.id("requests"),
    callId: v.id("calls"),
    userId: v.id("users"),
    factId: v.optional(v.id("facts")),
    text: v.string(),
    to: v.string(),
    seq: v.number(),
  })
    .index("by_request", ["requestId"])
    .index("by_call", ["callId", "seq"]),

  /** Numbers that are not to be called. Written by operators (`suppressions:add`); read before every dial. */
  suppressions: defineTable({
    phone: v.string(),
    reason: v.string(),
    addedBy: v.string(),
  }).index("by_phone", ["phone"]),

  /**
   * The daemons. Written by workers (registration, heartbeat), by operators (`drain`) and by the sweep in
   * `crons.ts`; read by all three.
   */
  workers: defineTable({
    workerId: v.string(),
    /** One start of the process. A new one takes the place of the old. */
    incarnation: v.string(),
    status: workerStatus,
    version: v.string(),
    calls: v.number(),
    maxCalls: v.number(),
    startedAt: v.number(),
    heartbeatAt: v.number(),
    /** Where it serves browsers, e.g. for listening in. None: where the page itself came from. */
    address: v.optional(v.string()),
    /** An operator wants it to take nothing new. */
    drain: v.optional(v.boolean()),
  })
    .index("by_worker", ["workerId"])
    .index("by_status", ["status", "heartbeatAt"]),

  /**
   * One-time sign-in links, by the hash of their code. Offered by whoever holds Floyd's key, used up by the worker
   * that serves the page; read by nobody else. With `secretHash`: used, and the session it became.
   */
  signInCodes: defineTable({
    codeHash: v.string(),
    /** `person:<name>`, as in Floyd's own tokens. */
    subject: v.string(),
    operator: v.boolean(),
    /** For somebody whom Floyd does not know yet. */
    name: v.optional(v.string()),
    expiresAt: v.number(),
    secretHash: v.optional(v.string()),
  })
    .index("by_hash", ["codeHash"])
    .index("by_expiry", ["expiresAt"]),

  /**
   * Browsers that are signed in by Floyd itself, by the hash of their secret. Written by the worker that serves the
   * page; read by it, and by the person, who may end them.
   */
  sessions: defineTable({
    secretHash: v.string(),
    subject: v.string(),
    operator: v.boolean(),
    name: v.optional(v.string()),
    device: v.optional(v.string()),
    usedAt: v.number(),
    expiresAt: v.number(),
  })
    .index("by_hash", ["secretHash"])
    .index("by_subject", ["subject"])
    .index("by_expiry", ["expiresAt"]),
});
