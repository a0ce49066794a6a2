/// Points and payloads as JSON, for files and for `--json`.
///
/// What JSON cannot say has one spelling each, so that every payload comes back exactly as it was:
/// - a whole number (`1`) is an int64, a number with a point or an exponent (`1.0`, `1e3`) is a
///   double;
/// - a moment is `{"$timestamp": "2026-01-31T12:00:00Z"}`;
/// - a double without a JSON number is `{"$double": "NaN"}`, `"Infinity"` or `"-Infinity"`;
/// - an object within a payload that has one of these keys itself is wrapped: `{"$object":
///   {"$timestamp": "just text"}}`;
/// - a point id is a string, or a whole number from 0 to 2^64 - 1; `"7"` and `7` are two ids;
/// - a vector is a list of numbers, a token matrix a list of such lists; the numbers are the
///   shortest that give the same float32.
@NullMarked
package io.whimbrel.server.cli.json;

import org.jspecify.annotations.NullMarked;
