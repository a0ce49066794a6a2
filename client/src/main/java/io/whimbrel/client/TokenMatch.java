package io.whimbrel.client;

/**
 * The token of a hit that was the best for one token of the query.
 *
 * @param queryToken counted from 0
 * @param token of the hit, counted from 0
 * @param score their inner product; under COSINE their cosine
 */
public record TokenMatch(int queryToken, int token, float score) {}
