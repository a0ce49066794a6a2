/**
 * Migration of a vector field from one embedding model to another: {@link
 * io.whimbrel.client.migration.Migrations} has the verbs, {@link
 * io.whimbrel.client.migration.BackfillWorker} embeds the points that are there, {@link
 * io.whimbrel.client.migration.RoutedCollection} reads and writes while the migration goes on.
 *
 * <ul>
 *   <li>Texts are embedded here, by functions that the application gives; the server sees vectors.
 *   <li>Every vector that leaves this package names its space, so that none meets another model's.
 * </ul>
 */
@NullMarked
package io.whimbrel.client.migration;

import org.jspecify.annotations.NullMarked;
