import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.lang3.tuple.Pair;
import org.cqframework.cql.cql2elm.LibraryManager;
import org.cqframework.cql.cql2elm.ModelManager;
import org.cqframework.cql.cql2elm.quick.FhirLibrarySourceProvider;
import org.hl7.elm.r1.VersionedIdentifier;
import org.hl7.fhir.r4.model.Base;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeableConcept;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Property;
import org.hl7.fhir.r4.model.Resource;
import org.opencds.cqf.cql.engine.data.CompositeDataProvider;
import org.opencds.cqf.cql.engine.execution.CqlEngine;
import org.opencds.cqf.cql.engine.execution.Environment;
import org.opencds.cqf.cql.engine.execution.EvaluationResult;
import org.opencds.cqf.cql.engine.fhir.model.R4FhirModelResolver;
import org.opencds.cqf.cql.engine.retrieve.RetrieveProvider;
import org.opencds.cqf.cql.engine.runtime.Code;
import org.opencds.cqf.cql.engine.runtime.Date;
import org.opencds.cqf.cql.engine.runtime.Interval;
import org.opencds.cqf.cql.engine.terminology.CodeSystemInfo;
import org.opencds.cqf.cql.engine.terminology.TerminologyProvider;
import org.opencds.cqf.cql.engine.terminology.ValueSetInfo;

/**
 * Runs one CQL library on patients, one Bundle a line, and writes one line a patient: its defines' values.
 * FILE.cql LIBRARY VERSION PATIENTS.ndjson EXPANSIONS.json AS_OF OUT.ndjson [ROUNDS]
 * With ROUNDS the executions are repeated, and their CPU time in milliseconds a patient goes to stdout.
 */
public final class Run {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final IParser parser = FhirContext.forR4Cached().newJsonParser();
  private final Map<String, List<Resource>> record = new HashMap<>();
  private final CqlEngine engine;
  private final VersionedIdentifier library;
  private final Map<String, Object> parameters;
  private final ZonedDateTime noon;

  private Run(String[] arguments) throws Exception {
    String source = Files.readString(Path.of(arguments[0]));
    library = new VersionedIdentifier().withId(arguments[1]).withVersion(arguments[2]);
    LibraryManager libraries = new LibraryManager(new ModelManager());
    libraries.getLibrarySourceLoader().registerProvider(new FhirLibrarySourceProvider());
    libraries.getLibrarySourceLoader().registerProvider(asked ->
        asked.getId().equals(library.getId())
            ? new ByteArrayInputStream(source.getBytes(StandardCharsets.UTF_8)) : null);
    Terms terms = new Terms(JSON.readTree(Path.of(arguments[4]).toFile()));
    CompositeDataProvider data = new CompositeDataProvider(new R4FhirModelResolver(), new Retrieve(terms));
    engine = new CqlEngine(new Environment(libraries, Map.of("http://hl7.org/fhir", data), terms));
    parameters = Map.of("As of", new Date(arguments[5]));
    noon = ZonedDateTime.parse(arguments[5] + "T12:00:00Z").withZoneSameInstant(ZoneOffset.UTC);
  }

  public static void main(String[] arguments) throws Exception {
    Run run = new Run(arguments);
    List<String> patients = Files.readAllLines(Path.of(arguments[3]));
    List<String> lines = new ArrayList<>();
    for (String patient : patients) lines.add(run.execute(patient).toString());
    Files.write(Path.of(arguments[6]), lines);
    int rounds = arguments.length > 7 ? Integer.parseInt(arguments[7]) : 0;
    com.sun.management.OperatingSystemMXBean clock =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    for (int round = 0; round < rounds; round++) {
      long start = clock.getProcessCpuTime();
      for (String patient : patients) run.execute(patient);
      System.out.println((clock.getProcessCpuTime() - start) / 1e6 / patients.size());
    }
  }

  private ObjectNode execute(String text) {
    Bundle bundle = parser.parseResource(Bundle.class, text);
    record.clear();
    for (Bundle.BundleEntryComponent entry : bundle.getEntry()) {
      record.computeIfAbsent(entry.getResource().fhirType(), kind -> new ArrayList<>()).add(entry.getResource());
    }
    ObjectNode line = JSON.createObjectNode();
    String patient = record.get("Patient").get(0).getIdElement().getIdPart();
    line.put("patient", patient);
    try {
      EvaluationResult result = engine.evaluate(library, null, Pair.of("Patient", patient), parameters, null, noon);
      ObjectNode values = line.putObject("values");
      result.expressionResults.forEach((name, value) -> {
        Object said = value.value();
        if (said == null) values.putNull(name);
        else if (said instanceof Boolean) values.put(name, (Boolean) said);
        else if (said instanceof String) values.put(name, (String) said);
      });
    } catch (RuntimeException problem) {
      line.put("error", String.valueOf(problem));
    }
    return line;
  }

  /** The resources of the patient in hand. */
  private final class Retrieve implements RetrieveProvider {
    private final Terms terms;

    Retrieve(Terms terms) {
      this.terms = terms;
    }

    @Override
    public Iterable<Object> retrieve(String context, String contextPath, Object contextValue, String dataType,
        String templateId, String codePath, Iterable<Code> codes, String valueSet, String datePath, String dateLowPath,
        String dateHighPath, Interval dateRange) {
      List<Object> found = new ArrayList<>();
      for (Resource resource : record.getOrDefault(dataType, List.of())) {
        if (valueSet == null || terms.holds(valueSet, concept(resource, codePath))) found.add(resource);
      }
      return found;
    }

    private CodeableConcept concept(Resource resource, String path) {
      Property property = resource.getNamedProperty(path);
      if (property == null) property = resource.getNamedProperty(path + "[x]");
      for (Base value : property.getValues()) {
        if (value instanceof CodeableConcept) return (CodeableConcept) value;
      }
      return null;
    }
  }

  /** Value sets by their expansions: url, version, codes. */
  private static final class Terms implements TerminologyProvider {
    private final Map<String, Set<String>> members = new HashMap<>();

    Terms(JsonNode expansions) {
      expansions.fields().forEachRemaining(entry -> {
        Set<String> codes = members.computeIfAbsent(entry.getKey(), url -> new HashSet<>());
        entry.getValue().forEach(list -> list.forEach(code ->
            codes.add(code.get("system").asText() + "|" + code.get("code").asText())));
      });
    }

    boolean holds(String valueSet, CodeableConcept concept) {
      if (concept == null) return false;
      for (Coding coding : concept.getCoding()) {
        if (members.get(valueSet).contains(coding.getSystem() + "|" + coding.getCode())) return true;
      }
      return false;
    }

    @Override
    public boolean in(Code code, ValueSetInfo valueSet) {
      return members.get(valueSet.getId()).contains(code.getSystem() + "|" + code.getCode());
    }

    @Override
    public Iterable<Code> expand(ValueSetInfo valueSet) {
      List<Code> codes = new ArrayList<>();
      for (String member : members.get(valueSet.getId())) {
        int bar = member.lastIndexOf('|');
        codes.add(new Code().withSystem(member.substring(0, bar)).withCode(member.substring(bar + 1)));
      }
      return codes;
    }

    @Override
    public Code lookup(Code code, CodeSystemInfo system) {
      return null;
    }
  }
}
