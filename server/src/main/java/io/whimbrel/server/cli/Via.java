package io.whimbrel.server.cli;

/// Ways for many points to travel.
enum Via {
  GRPC,
  FLIGHT
}
