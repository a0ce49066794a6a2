package io.whimbrel.client.migration;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.ModelId;
import io.whimbrel.client.Point;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.WriteResult;
import io.whimbrel.client.internal.ErrorWire;
import io.whimbrel.client.internal.XxHash64;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A field of a collection by texts: the same calls before, during and after a migration.
 *
 * <pre>{@code
 * RoutedCollection docs =
 *     RoutedCollection.builder(client, "docs")
 *         .model(oldModelId, oldModel::embed)
 *         .model(newModelId, newModel::embed)
 *         .build();
 * docs.upsert(List.of(TextPoint.of(PointId.of("a"), "text", "a whimbrel is a wader")));
 * docs.search("wading birds", "user-17", 10);
 * }</pre>
 *
 * <p>A search asks the routing policy which version answers its routing key, and embeds with that
 * version's model only. A write embeds with the models of all versions that take writes. The policy
 * is kept for its time to live; when the server says that it is out of date, the call embeds again
 * by the new one, once. Every vector names its space, so a wrong model is an error and never a
 * wrong answer.
 *
 * <p>Safe for any number of threads.
 */
public final class RoutedCollection {
  private static final int KEY_BYTES_MAX = 512;

  private final WhimbrelClient client;
  private final String collection;
  private final String field;
  private final Map<ModelId, TextEmbedder> byModel;
  private final Map<String, TextEmbedder> bySpace;
  private final AtomicLong recoveries = new AtomicLong();
  private volatile @Nullable Cached cached;

  /** A policy and when to ask for it again, by {@code System.nanoTime}. */
  private record Cached(RoutingPolicy policy, long expiresNanos) {}

  private RoutedCollection(Builder builder) {
    this.client = builder.client;
    this.collection = builder.collection;
    this.field = builder.field;
    this.byModel = Map.copyOf(builder.byModel);
    this.bySpace = Map.copyOf(builder.bySpace);
  }

  /** Starts with the field "default" and no model. */
  public static Builder builder(WhimbrelClient client, String collection) {
    return new Builder(client, collection);
  }

  /** The points nearest to a text; see {@link #search(String, String, UnaryOperator)}. */
  public SearchResult search(String text, String routingKey, int k) {
    return search(text, routingKey, request -> request.k(k));
  }

  /**
   * The points nearest to a text.
   *
   * @param routingKey for example a user or a tenant: equal keys are answered by the same version.
   *     When empty, the text decides
   * @param request sets the rest of the search
   */
  public SearchResult search(
      String text, String routingKey, UnaryOperator<SearchRequest.Builder> request) {
    String key = key(routingKey, text);
    RoutingPolicy policy = policy();
    try {
      return search(policy, text, key, request);
    } catch (WhimbrelException e) {
      return search(renewed(policy, e), text, key, request);
    }
  }

  private SearchResult search(
      RoutingPolicy policy, String text, String key, UnaryOperator<SearchRequest.Builder> request) {
    RoutingPolicy.Version picked = policy.pick(key);
    // Who has no model for the picked version asks as a client that knows nothing of the policy:
    // its own version answers, and the server counts it. After the switch it must be named.
    Optional<RoutingPolicy.Version> known =
        model(policy, picked).isPresent()
            ? Optional.of(picked)
            : policy.versions().stream().filter(v -> model(policy, v).isPresent()).findFirst();
    RoutingPolicy.Version version = known.orElseThrow(() -> noModel(picked));
    Vector vector = embed(policy, version, version.spec().queryPrefix() + text);
    SearchRequest.Builder search = request.apply(SearchRequest.builder(vector)).field(field);
    if (version == picked) {
      search.routing(
          new SearchRequest.Routing(key, policy.epoch(), List.of(), OptionalDouble.empty(), 0));
    } else if (policy.basisPoints() == RoutingPolicy.BUCKETS) {
      search.version(version.number());
    }
    SearchResult result = client.search(collection, search.build());
    if (result.routingEpoch() > policy.epoch()) {
      forget(policy);
    }
    return result;
  }

  /** Writes points whole, each with a vector for every version that takes writes. */
  public WriteResult upsert(List<TextPoint> points) {
    return upsert(points, WriteOptions.DEFAULT);
  }

  public WriteResult upsert(List<TextPoint> points, WriteOptions options) {
    RoutingPolicy policy = policy();
    try {
      return client.upsert(collection, embed(policy, points), options);
    } catch (WhimbrelException e) {
      return client.upsert(collection, embed(renewed(policy, e), points), options);
    }
  }

  /**
   * The points with a vector for every version that takes writes and has a model here, for writers
   * of their own. A version without a model gets its vectors from a backfill worker.
   */
  public List<Point> embed(List<TextPoint> points) {
    return embed(policy(), points);
  }

  private List<Point> embed(RoutingPolicy policy, List<TextPoint> points) {
    // By space, since a derived version takes the vectors of another one.
    Map<String, RoutingPolicy.Version> spaces = new LinkedHashMap<>();
    for (RoutingPolicy.Version version : policy.versions()) {
      if (version.takesWrites() && model(policy, version).isPresent()) {
        spaces.putIfAbsent(version.inputSpaceId(), version);
      }
    }
    if (spaces.isEmpty()) {
      throw noModel(policy.versions().get(0));
    }
    List<List<Vector>> vectors = new ArrayList<>();
    points.forEach(point -> vectors.add(new ArrayList<>()));
    for (RoutingPolicy.Version version : spaces.values()) {
      List<String> texts =
          points.stream().map(point -> version.spec().documentPrefix() + point.text()).toList();
      List<float[]> embedded = embedAll(policy, version, texts);
      for (int i = 0; i < points.size(); i++) {
        vectors.get(i).add(Vector.of(embedded.get(i)).inSpace(version.inputSpaceId()));
      }
    }
    List<Point> embedded = new ArrayList<>();
    for (int i = 0; i < points.size(); i++) {
      TextPoint point = points.get(i);
      embedded.add(
          Point.of(point.id(), point.payload(), Map.<String, Vector>of())
              .withSpaces(field, vectors.get(i)));
    }
    return embedded;
  }

  /** The policy in use; asks the server when its time is over. */
  public RoutingPolicy policy() {
    Cached now = cached;
    return now != null && System.nanoTime() - now.expiresNanos() < 0 ? now.policy() : refresh();
  }

  /** Asks the server for the policy. */
  public RoutingPolicy refresh() {
    return keep(client.migrations().routingPolicy(collection, field));
  }

  /** How often a call was made again because the policy was out of date. */
  public long recoveries() {
    return recoveries.get();
  }

  /** The policy to try again with; throws {@code e} when that would not help. */
  private RoutingPolicy renewed(RoutingPolicy used, WhimbrelException e) {
    switch (e.code()) {
      case ROUTING_STALE,
          OLD_SPACE,
          SPACE_MISMATCH,
          SPACE_REQUIRED,
          NEW_ONLY_WRITE,
          OLD_ONLY_WRITE,
          DIMENSION_MISMATCH -> {}
      default -> throw e;
    }
    RoutingPolicy policy = ErrorWire.policy(e).map(this::keep).orElseGet(this::refresh);
    if (policy.epoch() == used.epoch()) {
      throw e;
    }
    recoveries.incrementAndGet();
    return policy;
  }

  private synchronized RoutingPolicy keep(RoutingPolicy policy) {
    Cached now = cached;
    // Answers may overtake each other; the newer policy stays.
    RoutingPolicy newest =
        now != null && now.policy().epoch() > policy.epoch() ? now.policy() : policy;
    cached = new Cached(newest, System.nanoTime() + newest.ttl().toNanos());
    return newest;
  }

  private synchronized void forget(RoutingPolicy policy) {
    Cached now = cached;
    if (now != null && now.policy().epoch() == policy.epoch()) {
      cached = null;
    }
  }

  private Vector embed(RoutingPolicy policy, RoutingPolicy.Version version, String text) {
    return Vector.of(embedAll(policy, version, List.of(text)).get(0))
        .inSpace(version.inputSpaceId());
  }

  private List<float[]> embedAll(
      RoutingPolicy policy, RoutingPolicy.Version version, List<String> texts) {
    List<float[]> vectors;
    try {
      vectors = model(policy, version).orElseThrow(() -> noModel(version)).embedAll(texts);
    } catch (WhimbrelException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new WhimbrelException(ErrorCode.CANCELLED, "", "interrupted while embedding", null, e);
    } catch (Exception e) {
      throw new WhimbrelException(
          ErrorCode.UNAVAILABLE,
          "embedder",
          "embedder: " + version.spec().model() + " failed: " + e,
          null,
          e);
    }
    if (vectors.size() != texts.size()) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT,
          "embedder",
          vectors.size() + " vectors",
          texts.size() + " vectors");
    }
    return vectors;
  }

  /** The model of the vectors that clients send for a version. */
  private Optional<TextEmbedder> model(RoutingPolicy policy, RoutingPolicy.Version version) {
    TextEmbedder named = bySpace.get(version.inputSpaceId());
    if (named != null) {
      return Optional.of(named);
    }
    ModelId model =
        policy.versions().stream()
            .filter(other -> other.spec().spaceId().equals(version.inputSpaceId()))
            .findFirst()
            .orElse(version)
            .spec()
            .model();
    return Optional.ofNullable(byModel.get(model));
  }

  private WhimbrelException noModel(RoutingPolicy.Version version) {
    return WhimbrelException.refusal(
        ErrorCode.SPACE_MISMATCH,
        "embedder",
        "none for " + version.spec().model() + " of version " + version.number(),
        "a model of collection \"" + collection + "\", given to RoutedCollection.Builder.model");
  }

  /** Without a key the text decides; long texts do so by their hash. */
  private static String key(String routingKey, String text) {
    if (!routingKey.isEmpty()) {
      return routingKey;
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return bytes.length <= KEY_BYTES_MAX ? text : Long.toHexString(XxHash64.hash(bytes));
  }

  /** Collects the models. Not safe for more than one thread. */
  public static final class Builder {
    private final WhimbrelClient client;
    private final String collection;
    private String field = FieldSpec.DEFAULT_NAME;
    private final Map<ModelId, TextEmbedder> byModel = new HashMap<>();
    private final Map<String, TextEmbedder> bySpace = new HashMap<>();

    private Builder(WhimbrelClient client, String collection) {
      this.client = client;
      this.collection = collection;
    }

    public Builder field(String field) {
      this.field = field;
      return this;
    }

    /** The model of all versions whose spec names {@code model}. */
    public Builder model(ModelId model, TextEmbedder embedder) {
      byModel.put(model, embedder);
      return this;
    }

    /** The model of one space; goes before {@link #model}. */
    public Builder space(String spaceId, TextEmbedder embedder) {
      bySpace.put(spaceId, embedder);
      return this;
    }

    public RoutedCollection build() {
      return new RoutedCollection(this);
    }
  }
}
