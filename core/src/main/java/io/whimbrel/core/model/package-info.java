/// The words of the database: ids, payload values, vectors, specs, requests, answers and errors.
///
/// - Every type is an immutable value, validated where it is made; it knows no other package.
/// - A refusal is a [WhimbrelException] that names the field, the value and what was expected.
@NullMarked
package io.whimbrel.core.model;

import org.jspecify.annotations.NullMarked;
