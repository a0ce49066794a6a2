package io.whimbrel.core.model;

/// Bounds of sizes and counts that hold for every user of the core; the server's own are beside its
/// configuration.
public final class Limits {
  public static final int ID_BYTES_MAX = 512;
  public static final int DIMENSION_MAX = 65_536;
  public static final int K_MAX = 10_000;

  /// Beam width of a graph search.
  public static final int EF_MAX = 10_000;

  public static final int FIELDS_MAX = 16;
  public static final int BATCH_POINTS_MAX = 10_000;
  public static final int PAYLOAD_BYTES_MAX = 1 << 20;
  public static final int PAYLOAD_DEPTH_MAX = 16;
  public static final int REQUEST_ID_BYTES_MAX = 128;
  public static final int SCROLL_POINTS_MAX = 10_000;

  /// A page of points ends when it holds this many bytes.
  public static final int PAGE_BYTES_MAX = 8 << 20;

  /// The points of one answer to a get or a search may hold this many bytes.
  public static final int ANSWER_BYTES_MAX = 64 << 20;

  public static final int FILTER_DEPTH_MAX = 16;
  public static final int FILTER_NODES_MAX = 1024;

  /// Values and ids that the conditions of one filter name.
  public static final int FILTER_VALUES_MAX = 10_000;

  public static final int FILTER_TEXT_CHARS_MAX = 4096;

  /// Points of the first stages of a search by MaxSim.
  public static final int SHORTLIST_MAX = 1_000_000;

  /// Payloads that one search or count reads for conditions without an index.
  public static final int FILTER_READS_MAX = 100_000;

  /// Stages of a query tree.
  public static final int QUERY_NODES_MAX = 64;

  public static final int QUERY_DEPTH_MAX = 8;

  /// Points that all stages of a query tree together hand on.
  public static final int QUERY_CANDIDATES_MAX = 100_000;

  public static final int QUERY_TEXT_CHARS_MAX = 4096;

  /// Vectors of one query in different spaces.
  public static final int QUERY_SPACES_MAX = 9;

  /// Positives or negatives of a recommendation.
  public static final int EXAMPLES_MAX = 64;

  public static final int FUSION_RANK_CONSTANT_MAX = 1_000_000;
  public static final double FUSION_WEIGHT_MAX = 1e6;

  /// Candidates of which diverse ones are taken; each is compared with each that was taken.
  public static final int MMR_CANDIDATES_MAX = 1000;

  public static final int GROUP_SIZE_MAX = 100;
  public static final int FACET_VALUES_MAX = 10_000;
  public static final int SLICES_MAX = 1024;
  public static final int NEGATIVES_MAX = 1000;

  /// Queries whose negatives one call looks for.
  public static final int MINING_QUERIES_MAX = 1000;

  /// Negatives in one answer.
  public static final int MINED_POINTS_MAX = 100_000;

  public static final int PATH_CHARS_MAX = 512;
  public static final int PATH_STEPS_MAX = 16;
  public static final int PAYLOAD_INDEXES_MAX = 64;
  public static final int TEXT_INDEXES_MAX = 16;

  public static final int COLLECTIONS_MAX = 10_000;
  public static final int ALIASES_MAX = 10_000;
  public static final int ALIAS_CHANGES_MAX = 1000;
  public static final int MODEL_PART_BYTES_MAX = 512;
  public static final int SOURCE_FIELDS_MAX = 64;

  private Limits() {}

  /// Refuses a beam width that is neither 0, for the default, nor `k` to 10,000.
  public static void checkEf(int ef, int k) {
    if (ef != 0) {
      checkRange("ef", ef, 1, EF_MAX);
      if (ef < k) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "ef",
            ef,
            "at least k, which is " + k + ", or 0 for the default");
      }
    }
  }

  /// Refuses `value` unless it lies in `[min, max]`.
  public static int checkRange(String field, long value, int min, int max) {
    if (value < min || value > max) {
      throw WhimbrelException.of(
          value > max ? ErrorCode.LIMIT_EXCEEDED : ErrorCode.INVALID_ARGUMENT,
          field,
          value,
          min + " to " + max);
    }
    return (int) value;
  }
}
