import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.cqframework.cql.cql2elm.CqlCompilerException;
import org.cqframework.cql.cql2elm.CqlTranslator;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;
import org.cqframework.cql.cql2elm.quick.FhirLibrarySourceProvider;
import org.hl7.elm.r1.VersionedIdentifier;

/** Translates CQL files, and the FHIRHelpers that they include, into ELM: OUT_DIR FILE.cql… Exit code 1 on an error. */
public final class Translate {
  private static final VersionedIdentifier HELPERS =
      new VersionedIdentifier().withId("FHIRHelpers").withVersion("4.0.1");

  public static void main(String[] arguments) throws Exception {
    Path out = Path.of(arguments[0]);
    FhirLibrarySourceProvider provider = new FhirLibrarySourceProvider();
    Map<String, String> sources = new LinkedHashMap<>();
    byte[] helpers = provider.getLibrarySource(HELPERS).readAllBytes();
    sources.put("FHIRHelpers", new String(helpers, StandardCharsets.UTF_8));
    for (int i = 1; i < arguments.length; i++) {
      Path file = Path.of(arguments[i]);
      sources.put(file.getFileName().toString().replaceFirst("\\.cql$", ""), Files.readString(file));
    }
    boolean wrong = false;
    for (Map.Entry<String, String> source : sources.entrySet()) {
      LibraryManager libraries = new LibraryManager(new ModelManager());
      libraries.getLibrarySourceLoader().registerProvider(provider);
      CqlTranslator translator = CqlTranslator.fromText(source.getValue(), libraries);
      for (CqlCompilerException problem : translator.getExceptions()) {
        boolean error = problem.getSeverity() == CqlCompilerException.ErrorSeverity.Error;
        wrong |= error;
        String place = problem.getLocator() == null ? "" : problem.getLocator().toLocator();
        if (error || !source.getKey().equals("FHIRHelpers")) {
          System.out.println(problem.getSeverity() + " " + source.getKey() + ":" + place + ": " + problem.getMessage());
        }
      }
      Files.writeString(out.resolve(source.getKey() + ".json"), translator.toJson());
    }
    System.exit(wrong ? 1 : 0);
  }
}
