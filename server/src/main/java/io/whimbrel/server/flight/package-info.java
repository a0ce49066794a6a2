/// Bulk in and out as Arrow columns: the Flight service of the server, on the port of the other
/// services.
///
/// - Only this package of the server names Arrow.
/// - The service stands on the generated Flight stubs and Arrow's IPC reader, not on Arrow's own
///   `FlightProducer` host: that one holds a thread for each upload, shares one allocator between
///   all streams, and reserves memory by lengths that the sender claims.
/// - A message is checked against the bytes that really came ([IpcMessages]) before anything is
///   reserved for it.
/// - One record batch is one atomic write; a refused batch changes nothing.
/// - Arrow memory is held only while one message is converted: a named child of the one root
///   allocator, closed in `finally`.
/// - No thread waits for a client: uploads ask for the next message when there is room, downloads
///   go on when the call is ready.
///
/// The schema that clients meet is docs/ARROW.md.
@NullMarked
package io.whimbrel.server.flight;

import org.jspecify.annotations.NullMarked;
