package io.whimbrel.core.store;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import java.util.ArrayList;
import java.util.List;

/// A row `I`: the payload indexes that a collection declares. What they hold is in memory only.
public record PayloadIndexesRecord(List<PayloadIndexSpec> indexes) {
  private static final int FORMAT = 1;

  public PayloadIndexesRecord {
    indexes = List.copyOf(indexes);
  }

  public byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).varint(indexes.size());
    indexes.forEach(index -> out.text(index.path().text()).u8(index.type().ordinal() + 1));
    return out.toBytes();
  }

  public static PayloadIndexesRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("list of payload indexes", in.u8(), FORMAT);
    int count = in.count();
    List<PayloadIndexSpec> indexes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      FieldPath path = FieldPath.parse("stored path", in.text());
      ScalarType type = Records.constant(ScalarType.values(), in.u8(), "payload index type");
      indexes.add(new PayloadIndexSpec(path, type));
    }
    return new PayloadIndexesRecord(indexes);
  }
}
