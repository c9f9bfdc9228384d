import { useQuery } from "convex/react";
import { api } from "../api";
import { usePerson } from "./usePerson";

/** What waits for an answer of this person's; none while that is not known yet. */
export function useOpenQuestions() {
  return useQuery(api.questions.open, usePerson() ? {} : "skip") ?? [];
}
