/// The standalone server: its configuration, and the one place where its parts are put together.
@NullMarked
package io.whimbrel.server;

import org.jspecify.annotations.NullMarked;
