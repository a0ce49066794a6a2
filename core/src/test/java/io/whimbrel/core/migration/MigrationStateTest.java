package io.whimbrel.core.migration;

import static io.whimbrel.core.model.MigrationState.BACKFILLING;
import static io.whimbrel.core.model.MigrationState.CANCELLED;
import static io.whimbrel.core.model.MigrationState.CANCELLING;
import static io.whimbrel.core.model.MigrationState.COMPLETED;
import static io.whimbrel.core.model.MigrationState.COMPLETING;
import static io.whimbrel.core.model.MigrationState.DUAL_WRITE;
import static io.whimbrel.core.model.MigrationState.FAILED;
import static io.whimbrel.core.model.MigrationState.INDEXING;
import static io.whimbrel.core.model.MigrationState.PLANNED;
import static io.whimbrel.core.model.MigrationState.READY;
import static io.whimbrel.core.model.MigrationState.ROLLED_BACK;
import static io.whimbrel.core.model.MigrationState.SHIFTING;
import static io.whimbrel.core.model.MigrationState.SWITCHED;
import static io.whimbrel.core.model.MigrationState.VERIFYING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MigrationStateTest {
  /// The table the other way round: from where a state is reached.
  private static final Map<MigrationState, Set<MigrationState>> BEFORE =
      Map.ofEntries(
          Map.entry(PLANNED, Set.of()),
          Map.entry(DUAL_WRITE, Set.of(PLANNED)),
          Map.entry(BACKFILLING, Set.of(DUAL_WRITE, INDEXING, VERIFYING, READY, FAILED)),
          Map.entry(INDEXING, Set.of(BACKFILLING)),
          Map.entry(VERIFYING, Set.of(INDEXING)),
          Map.entry(READY, Set.of(VERIFYING)),
          Map.entry(SHIFTING, Set.of(READY, SHIFTING, SWITCHED, ROLLED_BACK)),
          Map.entry(SWITCHED, Set.of(READY, SHIFTING, ROLLED_BACK)),
          Map.entry(ROLLED_BACK, Set.of(SHIFTING, SWITCHED)),
          Map.entry(COMPLETING, Set.of(SWITCHED)),
          Map.entry(COMPLETED, Set.of(COMPLETING)),
          Map.entry(
              CANCELLING,
              Set.of(DUAL_WRITE, BACKFILLING, INDEXING, VERIFYING, READY, ROLLED_BACK, FAILED)),
          Map.entry(CANCELLED, Set.of(PLANNED, CANCELLING)),
          Map.entry(
              FAILED,
              Set.of(
                  DUAL_WRITE,
                  BACKFILLING,
                  INDEXING,
                  VERIFYING,
                  READY,
                  SHIFTING,
                  SWITCHED,
                  ROLLED_BACK)));

  @Test
  void goesWhereItMayAndNowhereElse() {
    for (MigrationState from : MigrationState.values()) {
      for (MigrationState to : MigrationState.values()) {
        boolean may = Objects.requireNonNull(BEFORE.get(to)).contains(from);
        assertThat(from.leadsTo(to)).as("%s to %s", from, to).isEqualTo(may);
        if (may) {
          assertThat(from.to(to)).isEqualTo(to);
        } else {
          assertThatThrownBy(() -> from.to(to))
              .isInstanceOfSatisfying(
                  WhimbrelException.class,
                  e -> assertThat(e.code()).isEqualTo(ErrorCode.MIGRATION_STATE))
              .hasMessageContaining(from.name());
        }
      }
    }
  }

  @Test
  void readsGoOnlyWhereBothVersionsTakeWrites() {
    for (MigrationState state : MigrationState.values()) {
      assertThat(!state.readable() || state.writesBoth()).as("%s", state).isTrue();
      assertThat(state.ended()).isEqualTo(state == COMPLETED || state == CANCELLED);
    }
  }
}
