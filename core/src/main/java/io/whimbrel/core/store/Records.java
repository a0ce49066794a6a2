package io.whimbrel.core.store;

/// What all record formats share.
public final class Records {
  private Records() {}

  public static void checkFormat(String what, int found, int newest) throws StorageException {
    if (found < 1 || found > newest) {
      throw new StorageException(
          "a stored %s has format %d, this version of Whimbrel reads up to %d; open the data with a newer version"
              .formatted(what, found, newest));
    }
  }

  public static <E extends Enum<E>> E constant(E[] values, int number, String what)
      throws StorageException {
    if (number < 1 || number > values.length) {
      throw new StorageException("a stored " + what + " has the unknown number " + number);
    }
    return values[number - 1];
  }
}
