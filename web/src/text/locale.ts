/** The language of the texts in this folder, by which numbers and times are written. */
export const LOCALE = "en";
