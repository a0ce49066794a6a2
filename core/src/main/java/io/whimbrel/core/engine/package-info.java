/// The facade of the core: [Database] opens and closes everything in order and turns storage
/// failures into error codes.
@NullMarked
package io.whimbrel.core.engine;

import org.jspecify.annotations.NullMarked;
