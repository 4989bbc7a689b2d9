import type { Model } from "../api/client";

export const mayChange = (model: Model) => model.access !== "viewer";
