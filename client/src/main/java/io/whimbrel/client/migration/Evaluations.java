package io.whimbrel.client.migration;

import io.whimbrel.client.internal.Calls;
import io.whimbrel.client.internal.EvaluationWire;
import io.whimbrel.proto.v1.DeleteGoldenSetRequest;
import io.whimbrel.proto.v1.EvaluateRequest;
import io.whimbrel.proto.v1.EvaluationGrpc;
import io.whimbrel.proto.v1.ListGoldenSetsRequest;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Golden sets, and the comparison of two versions of a field by them. Got from {@code
 * WhimbrelClient.evaluations()}; blocks and fails as the client's methods do. Any number of
 * threads.
 */
public final class Evaluations {
  private final Calls calls;

  /** For the client. */
  public Evaluations(Calls calls) {
    this.calls = calls;
  }

  /** Stores or replaces a golden set of a field. */
  public GoldenSetInfo put(
      String collection, String field, String name, List<GoldenQuery> queries) {
    return Calls.await(
        calls.call(
            EvaluationGrpc.getPutGoldenSetMethod(),
            EvaluationWire.encode(collection, field, name, queries),
            true,
            EvaluationWire::decode));
  }

  public List<GoldenSetInfo> list(String collection) {
    return Calls.await(
        calls.call(
            EvaluationGrpc.getListGoldenSetsMethod(),
            ListGoldenSetsRequest.newBuilder().setCollection(collection).build(),
            true,
            answer -> answer.getGoldenSetsList().stream().map(EvaluationWire::decode).toList()));
  }

  public void delete(String collection, String name) {
    boolean unused =
        Calls.await(
            calls.call(
                EvaluationGrpc.getDeleteGoldenSetMethod(),
                DeleteGoldenSetRequest.newBuilder().setCollection(collection).setName(name).build(),
                false,
                answer -> true));
  }

  /**
   * What to ask.
   *
   * @param k hits that users ask for
   * @param delta how much worse still counts as not inferior; the server's own when 0
   * @param seed the same seed gives the same report; the server's own when 0
   * @param threshold a score threshold in use, for which one of the candidate is looked for
   * @param withRuns return the answers of both versions in TREC form
   */
  public record Options(
      int k, double delta, long seed, OptionalDouble threshold, boolean withRuns) {
    public static final Options DEFAULT = new Options(10, 0, 0, OptionalDouble.empty(), false);
  }

  /** Asks both versions all queries, through their indexes and by exact scans, and compares. */
  public EvaluationReport evaluate(
      String collection, String name, int baseline, int candidate, Options options) {
    EvaluateRequest.Builder request =
        EvaluateRequest.newBuilder()
            .setCollection(collection)
            .setGoldenSet(name)
            .setBaselineVersion(baseline)
            .setCandidateVersion(candidate)
            .setK(options.k())
            .setDelta(options.delta())
            .setSeed(options.seed())
            .setWithRuns(options.withRuns());
    options.threshold().ifPresent(request::setThreshold);
    return Calls.await(
        calls.call(
            EvaluationGrpc.getEvaluateMethod(), request.build(), true, EvaluationWire::decode));
  }
}
