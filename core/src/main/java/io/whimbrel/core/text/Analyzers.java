package io.whimbrel.core.text;

import io.whimbrel.core.model.TextAnalyzer;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.core.SimpleAnalyzer;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;

/// Lucene's analyzers by our names, as Lucene makes them. All cut words at 255 characters, so no
/// term is too long for the index.
final class Analyzers {
  private Analyzers() {}

  static Analyzer of(TextAnalyzer analyzer) {
    return switch (analyzer) {
      case STANDARD -> new StandardAnalyzer();
      case SIMPLE -> new SimpleAnalyzer();
      case WHITESPACE -> new WhitespaceAnalyzer();
      case ENGLISH -> new EnglishAnalyzer();
      case GERMAN -> new GermanAnalyzer();
      case FRENCH -> new FrenchAnalyzer();
      case SPANISH -> new SpanishAnalyzer();
      case ITALIAN -> new ItalianAnalyzer();
      case PORTUGUESE -> new PortugueseAnalyzer();
      case DUTCH -> new DutchAnalyzer();
      case SWEDISH -> new SwedishAnalyzer();
      case NORWEGIAN -> new NorwegianAnalyzer();
      case DANISH -> new DanishAnalyzer();
      case FINNISH -> new FinnishAnalyzer();
      case RUSSIAN -> new RussianAnalyzer();
      case ARABIC -> new ArabicAnalyzer();
      case HINDI -> new HindiAnalyzer();
      case CJK -> new CJKAnalyzer();
    };
  }
}
