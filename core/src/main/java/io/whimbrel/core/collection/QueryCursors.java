package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Mixing;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.RecordReader;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/// Where the pages of an order by payload end.
///
/// A cursor is a format(1), the checksum(8) of the rest, then the collection(8), the fingerprint of
/// the query(8), the versions whose vectors the pages carry, the value of the last point, and its
/// internal id(8).
final class QueryCursors {
  /// None of a scroll's.
  private static final int FORMAT = 64;

  private static final int HEADER_BYTES = 9;
  private static final String KEY = "v";

  private QueryCursors() {}

  /// The last point of a page.
  record Place(Value value, long internalId) {}

  record Position(Place place, List<PointRecord.VectorRef> pinned) {}

  static QueryRequest.Cursor encode(
      LiveCollection collection,
      QueryRequest request,
      List<PointReader.Selected> selected,
      Place place) {
    RecordWriter out =
        new RecordWriter()
            .i64(collection.number())
            .i64(fingerprint(request))
            .varint(selected.size());
    for (PointReader.Selected pin : selected) {
      out.varint(pin.version().ref().field()).varint(pin.version().ref().version());
    }
    byte[] rest =
        out.bytes(PayloadCodec.encode("cursor", Map.of(KEY, place.value())))
            .i64(place.internalId())
            .toBytes();
    return new QueryRequest.Cursor(
        new RecordWriter().u8(FORMAT).i64(checksum(rest)).raw(rest).toBytes());
  }

  /// Refuses a cursor that no page of this query gave.
  static Position decode(LiveCollection collection, QueryRequest request) {
    byte[] bytes = request.cursor().bytes();
    try {
      RecordReader header = new RecordReader(bytes);
      if (bytes.length > HEADER_BYTES && header.u8() == FORMAT) {
        long checksum = header.i64();
        byte[] rest = header.rest();
        RecordReader in = new RecordReader(rest);
        if (checksum == checksum(rest)
            && in.i64() == collection.number()
            && in.i64() == fingerprint(request)) {
          List<PointRecord.VectorRef> pinned = new ArrayList<>();
          for (int i = in.count(); i > 0; i--) {
            pinned.add(new PointRecord.VectorRef((int) in.varint(), (int) in.varint()));
          }
          Value value = PayloadCodec.decode(in.bytes()).get(KEY);
          if (value != null) {
            return new Position(new Place(value, in.i64()), pinned);
          }
        }
      }
    } catch (StorageException e) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_CURSOR, "cursor", bytes.length + " bytes that end too early", e);
    }
    throw WhimbrelException.of(
        ErrorCode.INVALID_CURSOR,
        "cursor",
        bytes.length + " bytes",
        "empty, or next_cursor of a page of this query, with the same order and filter, of"
            + " collection \""
            + collection.name()
            + '"');
  }

  private static long checksum(byte[] rest) {
    CRC32C crc = new CRC32C();
    crc.update(rest);
    return crc.getValue();
  }

  /// Tells queries apart whose pages do not follow each other.
  private static long fingerprint(QueryRequest request) {
    long print = fingerprint(request.filter());
    if (request.query() instanceof QueryNode.OrderBy(FieldPath path, boolean descending, _)) {
      print = Mixing.mix(print, path.steps().hashCode());
      print = Mixing.mix(print, descending ? 1 : 0);
    }
    return print;
  }

  /// Records of different kinds may have one hash code, so the kind is mixed in.
  private static long fingerprint(Filter filter) {
    long kind = filter.getClass().getSimpleName().hashCode();
    return switch (filter) {
      case Filter.And(List<Filter> all) -> mixed(kind, all);
      case Filter.Or(List<Filter> some) -> mixed(kind, some);
      case Filter.AtLeast(int count, List<Filter> some) -> mixed(Mixing.mix(kind, count), some);
      case Filter.Not(Filter not) -> mixed(kind, List.of(not));
      case Filter.All _,
          Filter.Match _,
          Filter.Range _,
          Filter.Exists _,
          Filter.IsNull _,
          Filter.IsEmpty _,
          Filter.ValuesCount _,
          Filter.HasId _,
          Filter.HasVector _,
          Filter.Prefix _,
          Filter.Contains _ ->
          Mixing.mix(kind, filter.hashCode());
    };
  }

  private static long mixed(long kind, List<Filter> filters) {
    long print = kind;
    for (Filter filter : filters) {
      print = Mixing.mix(print, fingerprint(filter));
    }
    return print;
  }
}
