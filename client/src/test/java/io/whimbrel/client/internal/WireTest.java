package io.whimbrel.client.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.UnknownFieldSet;
import io.whimbrel.client.Cardinality;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.Durability;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Storage;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.proto.v1.ElementType;
import io.whimbrel.proto.v1.ScrollResponse;
import io.whimbrel.proto.v1.WriteResponse;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Values to messages against bytes made by hand after the protobuf encoding, and back. */
class WireTest {
  private static String hex(com.google.protobuf.Message message) {
    return HexFormat.of().formatHex(message.toByteArray());
  }

  private static ByteString bytes(String hex) {
    return ByteString.copyFrom(HexFormat.of().parseHex(hex));
  }

  @Test
  void idsAreTheseBytes() {
    assertThat(hex(ValueWire.encode(PointId.of("B07")))).isEqualTo("0a03423037");
    assertThat(hex(ValueWire.encode(PointId.of(300)))).isEqualTo("10ac02");
    // 2^64 - 1 is ten bytes of varint; 0 is written, since it is not the same as no id.
    assertThat(hex(ValueWire.encode(PointId.of(-1L)))).isEqualTo("10ffffffffffffffffff01");
    assertThat(hex(ValueWire.encode(PointId.of(0)))).isEqualTo("1000");
  }

  static Stream<PointId> ids() {
    return Stream.of(
        PointId.of(0),
        PointId.of(1),
        PointId.of(-1L),
        PointId.of(Long.MIN_VALUE),
        PointId.of(Long.MAX_VALUE),
        PointId.of("7"),
        PointId.of(" "),
        PointId.of("d41d8cd98f00b204e9800998ecf8427e"),
        PointId.of("\u0000"),
        PointId.of("\uD83D\uDC26".repeat(128)),
        PointId.of("é".repeat(256)));
  }

  @ParameterizedTest
  @MethodSource("ids")
  void idsComeBack(PointId id) throws Exception {
    byte[] sent = ValueWire.encode(id).toByteArray();
    assertThat(ValueWire.decode(io.whimbrel.proto.v1.PointId.parseFrom(sent))).isEqualTo(id);
  }

  @Test
  void numbersAreUnsignedInText() {
    assertThat(PointId.of(-1L)).hasToString("18446744073709551615");
    assertThat(PointId.of(7)).isNotEqualTo(PointId.of("7"));
  }

  @Test
  void idsThatCouldNotComeBackAreRefused() {
    for (String text :
        List.of("", "x".repeat(513), "é".repeat(257), "\uD83D", "a\uDC26b", "\uDC26\uD83D")) {
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> PointId.of(text))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ID))
          .satisfies(e -> assertThat(e.field()).isEqualTo("id"));
    }
  }

  @Test
  void valuesAreTheseBytes() {
    assertThat(hex(ValueWire.encode(Value.of(null)))).isEqualTo("0801");
    assertThat(hex(ValueWire.encode(Value.of(false)))).isEqualTo("1000");
    assertThat(hex(ValueWire.encode(Value.of(1)))).isEqualTo("1801");
    assertThat(hex(ValueWire.encode(Value.of(Long.MIN_VALUE)))).isEqualTo("1880808080808080808001");
    assertThat(hex(ValueWire.encode(Value.of(1.0)))).isEqualTo("21000000000000f03f");
    assertThat(hex(ValueWire.encode(Value.of(-0.0)))).isEqualTo("210000000000000080");
    assertThat(hex(ValueWire.encode(Value.of("")))).isEqualTo("2a00");
    assertThat(hex(ValueWire.encode(Value.of(Instant.ofEpochSecond(1, 2)))))
        .isEqualTo("320408011002");
    assertThat(hex(ValueWire.encode(Value.of(List.of(1, true))))).isEqualTo("3a080a0218010a021001");
    assertThat(hex(ValueWire.encode(Value.of(Map.of("a", 1))))).isEqualTo("42090a070a016112021801");
  }

  static Stream<Value> values() {
    return Stream.of(
        Value.of(null),
        Value.of(true),
        Value.of(false),
        Value.of(0),
        Value.of(Long.MIN_VALUE),
        Value.of(Long.MAX_VALUE),
        Value.of(1746714878034235396L),
        Value.of((byte) -1),
        Value.of((short) -2),
        Value.of(0.1f),
        Value.of(Double.MIN_VALUE),
        Value.of(-Double.MAX_VALUE),
        Value.of(Double.NaN),
        Value.of(-0.0),
        Value.of(Double.NEGATIVE_INFINITY),
        Value.of(""),
        Value.of(" \u0000\uD83D\uDC26"),
        Value.of(Instant.parse("0001-01-01T00:00:00Z")),
        Value.of(Instant.parse("9999-12-31T23:59:59.999999999Z")),
        Value.of(Instant.parse("1969-12-31T23:59:59.000000001Z")),
        Value.of(List.of()),
        Value.of(Map.of()),
        Value.of(Map.of("", List.of(Map.of("x", List.of(1, 1.0, "1")), Value.NullValue.INSTANCE))));
  }

  @ParameterizedTest
  @MethodSource("values")
  void valuesComeBack(Value value) throws Exception {
    byte[] sent = ValueWire.encode(value).toByteArray();
    assertThat(ValueWire.decode(io.whimbrel.proto.v1.Value.parseFrom(sent))).isEqualTo(value);
  }

  @Test
  void doublesKeepTheirBits() throws Exception {
    for (long bits : new long[] {0x7ff8000000000001L, 0xfff0000000000001L, 1L, Long.MIN_VALUE}) {
      byte[] sent = ValueWire.encode(Value.of(Double.longBitsToDouble(bits))).toByteArray();
      Value.DoubleValue back =
          (Value.DoubleValue) ValueWire.decode(io.whimbrel.proto.v1.Value.parseFrom(sent));
      assertThat(Double.doubleToRawLongBits(back.value())).isEqualTo(bits);
    }
  }

  @Test
  void wholeNumbersAndDoublesStayApart() {
    assertThat(Value.of(1)).isNotEqualTo(Value.of(1.0)).isNotEqualTo(Value.of("1"));
  }

  @Test
  void whatIsNoPayloadValueIsRefused() {
    Map<Object, Object> numbered = Map.of(1, "x");
    for (Object bad :
        List.of(new Object(), 'c', numbered, "\uD83D", Instant.MAX, Map.of("\uDC26", 1))) {
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> Value.of(bad))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT));
    }
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> Point.of(PointId.of(1), Map.of("\uDC26", Value.of(1)), Map.of()));
  }

  @Test
  void aVectorIsLittleEndianBytes() {
    io.whimbrel.proto.v1.Vector message =
        PointWire.encode(new Vector(new float[] {1, -2.5f, 0, Float.intBitsToFloat(2)}, 2, "s"));
    assertThat(message.getPacked()).isEqualTo(bytes("0000803f000020c00000000002000000"));
    assertThat(message.getRows()).isEqualTo(2);
    assertThat(message.getElementType()).isEqualTo(ElementType.ELEMENT_TYPE_FLOAT32);
    assertThat(message.getSpaceId()).isEqualTo("s");
    assertThat(message.getFloatsCount()).isZero();
    assertThat(hex(PointWire.encode(Vector.of(1)))).isEqualTo("0a040000803f10012001");
  }

  @Test
  void vectorsComeBackBitByBit() throws Exception {
    float[] values = new float[4096];
    java.util.SplittableRandom random = new java.util.SplittableRandom(42);
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    for (int rows : new int[] {1, 2, 64, 4096}) {
      Vector vector = new Vector(values, rows, "space");
      byte[] sent = PointWire.encode(vector).toByteArray();
      Vector back = PointWire.decode(io.whimbrel.proto.v1.Vector.parseFrom(sent));
      assertThat(back.rows()).isEqualTo(rows);
      assertThat(back.spaceId()).isEqualTo("space");
      for (int i = 0; i < values.length; i++) {
        assertThat(Float.floatToRawIntBits(back.values()[i]))
            .isEqualTo(Float.floatToRawIntBits(values[i]));
      }
    }
  }

  @Test
  void vectorsOfRepeatedFloatsAreRead() {
    io.whimbrel.proto.v1.Vector message =
        io.whimbrel.proto.v1.Vector.newBuilder().addFloats(1).addFloats(2).build();
    assertThat(PointWire.decode(message)).isEqualTo(Vector.of(1, 2));
    assertThat(PointWire.decode(message.toBuilder().setRows(2).build()))
        .isEqualTo(Vector.ofRows(new float[][] {{1}, {2}}));
  }

  @Test
  void vectorsThatAreNoneAreRefused() {
    io.whimbrel.proto.v1.Vector odd =
        io.whimbrel.proto.v1.Vector.newBuilder().setPacked(bytes("0000803f00")).build();
    assertThatExceptionOfType(WhimbrelException.class).isThrownBy(() -> PointWire.decode(odd));
    io.whimbrel.proto.v1.Vector newer =
        io.whimbrel.proto.v1.Vector.newBuilder().setElementTypeValue(9).build();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> PointWire.decode(newer))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN));
    assertThatExceptionOfType(WhimbrelException.class).isThrownBy(Vector::of);
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> Vector.ofRows(new float[][] {{1}, {2, 3}}));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> new Vector(new float[3], 2, ""));
  }

  @Test
  void variantsOfANewerServerAreNotGuessed() throws Exception {
    // Field 99 in place of the variants known here.
    byte[] newer =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build()
            .toByteArray();
    io.whimbrel.proto.v1.Value value =
        io.whimbrel.proto.v1.Value.parseFrom(CodedInputStream.newInstance(newer));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> ValueWire.decode(value))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> ValueWire.decode(io.whimbrel.proto.v1.PointId.getDefaultInstance()));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(
            () -> PointWire.decode(WriteResponse.newBuilder().setDurabilityValue(7).build()));
  }

  @Test
  void pointsCarryTheConditionOfTheirOwnOrOfTheWrite() {
    Point point = Point.of(PointId.of(1), Map.of("a", Value.of(1)), Vector.of(1));
    assertThat(PointWire.encode(point, OptionalLong.empty()).hasIfSeq()).isFalse();
    assertThat(PointWire.encode(point, OptionalLong.of(0)).hasIfSeq()).isTrue();
    assertThat(PointWire.encode(point, OptionalLong.of(9)).getIfSeq()).isEqualTo(9);
    assertThat(PointWire.encode(point.onlyIfSeq(3), OptionalLong.of(9)).getIfSeq()).isEqualTo(3);
    Point back = PointWire.decode(PointWire.encode(point, OptionalLong.of(9)));
    assertThat(back).isEqualTo(point);
  }

  @Test
  void selectorsSayWhatTheyMean() {
    assertThat(PointWire.payloadSelector(Selector.ALL).getAll()).isTrue();
    assertThat(PointWire.payloadSelector(Selector.NONE).hasInclude()).isTrue();
    assertThat(PointWire.payloadSelector(Selector.include("a")).getInclude().getNamesList())
        .containsExactly("a");
    assertThat(PointWire.payloadSelector(Selector.exclude("a")).getExclude().getNamesList())
        .containsExactly("a");
    assertThat(PointWire.vectorSelector(Selector.ALL).getAll()).isTrue();
    assertThat(PointWire.vectorSelector(Selector.include("f")).getFields().getNamesList())
        .containsExactly("f");
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> ReadOptions.DEFAULT.withVectors(Selector.exclude("f")));
  }

  @Test
  void cursorsAreOpaqueText() {
    ByteString raw = bytes("00ff10fb");
    Page page = PointWire.decode(ScrollResponse.newBuilder().setNextCursor(raw).setSeq(4).build());
    assertThat(page.nextCursor()).matches("[A-Za-z0-9_-]+");
    assertThat(PointWire.encodeCursor(page.nextCursor())).isEqualTo(raw);
    assertThat(PointWire.decode(ScrollResponse.getDefaultInstance()).last()).isTrue();
    assertThat(PointWire.encodeCursor(Page.START)).isEmpty();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> PointWire.encodeCursor("!"))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CURSOR));
  }

  static Stream<IndexSpec> indexes() {
    return Stream.of(
        new IndexSpec.Flat(), new IndexSpec.Hnsw(16, 200), new IndexSpec.MultiVector(4096));
  }

  @ParameterizedTest
  @MethodSource("indexes")
  void specsComeBack(IndexSpec index) {
    for (Metric metric : Metric.values()) {
      for (Storage storage : Storage.values()) {
        for (Cardinality cardinality : Cardinality.values()) {
          EmbeddingSpec spec =
              EmbeddingSpec.builder(768, metric)
                  .model("openai", "small", "3")
                  .storage(storage)
                  .keepOriginals(storage == Storage.FLOAT32)
                  .cardinality(cardinality)
                  .index(index)
                  .sourceFields(List.of("title", "text"))
                  .normalized(true)
                  .documentPrefix("passage: ")
                  .queryPrefix("query: ")
                  .build();
          assertThat(CollectionWire.decode(CollectionWire.encode(spec))).isEqualTo(spec);
        }
      }
    }
    EmbeddingSpec spec = EmbeddingSpec.builder(3, Metric.L2).index(index).build();
    io.whimbrel.proto.v1.CollectionSpec made =
        CollectionWire.encode(CollectionSpec.of("books", spec));
    assertThat(made.getName()).isEqualTo("books");
    assertThat(made.getFields(0).getName()).isEqualTo(FieldSpec.DEFAULT_NAME);
    assertThat(made.getFields(0).getSpec().getSpaceId()).isEmpty();
  }

  @Test
  void aSearchCarriesItsParts() {
    io.whimbrel.proto.v1.SearchRequest plain =
        QueryWire.encode("c", SearchRequest.of(Vector.of(1), 3));
    assertThat(plain.getCollection()).isEqualTo("c");
    assertThat(plain.getK()).isEqualTo(3);
    assertThat(plain.getQuery().getNearest().getField()).isEqualTo("default");
    assertThat(plain.hasScoreThreshold()).isFalse();
    assertThat(plain.hasParams()).isFalse();
    assertThat(plain.hasFilter()).isFalse();
    io.whimbrel.proto.v1.SearchRequest full =
        QueryWire.encode(
            "c",
            SearchRequest.builder(Vector.of(1).inSpace("s"))
                .field("title")
                .version(2)
                .k(5)
                .scoreThreshold(0)
                .exact(true)
                .ef(64)
                .read(ReadOptions.DEFAULT.withMinSeq(8).withPayload(Selector.NONE))
                .build());
    assertThat(full.getQuery().getNearest().getVersion()).isEqualTo(2);
    assertThat(full.getQuery().getNearest().getVector().getSpaceId()).isEqualTo("s");
    assertThat(full.hasScoreThreshold()).isTrue();
    assertThat(full.getParams().getExact()).isTrue();
    assertThat(full.getParams().getEf()).isEqualTo(64);
    assertThat(full.getMinSeq()).isEqualTo(8);
  }

  @ParameterizedTest
  @EnumSource(Durability.class)
  void writeAnswersComeBack(Durability durability) {
    io.whimbrel.proto.v1.WriteOptions sent =
        PointWire.encode(WriteOptions.DEFAULT.withDurability(durability), "id");
    assertThat(sent.getRequestId()).isEqualTo("id");
    WriteResponse answer =
        WriteResponse.newBuilder()
            .setSeq(7)
            .setAffected(2)
            .setDurability(sent.getDurability())
            .setDurableWithinMillis(50)
            .setRepeatedRequest(true)
            .build();
    assertThat(PointWire.decode(answer))
        .isEqualTo(new io.whimbrel.client.WriteResult(7, 2, durability, 50, true));
  }

  @Test
  void requestIdsHaveALimit() {
    assertThat(WriteOptions.DEFAULT.withRequestId("é".repeat(64)).requestId()).hasSize(64);
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> WriteOptions.DEFAULT.withRequestId("x".repeat(129)));
  }
}
