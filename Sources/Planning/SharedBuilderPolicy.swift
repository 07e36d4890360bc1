public import DockerCommandLine
public import Formats
public import Notes

/// Which builds a shared builder treats as this engine's own builder would, and how one is named in the user's words.
public enum SharedBuilderPolicy {
    /// What a build's words ask of the engine that builds; nil if a shared builder does the same.
    public static func obstacle(to build: BuildInvocation) -> Note? {
        unsuited(build.scan, besides: build.platforms.flatMap { $0.split(",") }.count > 1 ? "several platforms" : nil)
    }

    /// The same of a bake, besides what its targets say.
    public static func obstacle(to bake: BakeInvocation) -> Note? { unsuited(bake.scan, besides: nil) }

    private static func unsuited(_ scan: Scan, besides other: ByteString?) -> Note? {
        for occurrence in scan.occurrences {
            let name = ByteString(stringLiteral: occurrence.row.name)
            guard isOfEngine(name, occurrence.value) else { continue }
            return Note(.sharedBuilderUnsuited, "--" + name)
        }
        return other.map { Note(.sharedBuilderUnsuited, $0) }
    }

    /// Whether an option has another effect, or none, where another machine builds and this engine loads the image:
    /// docker/buildx build/build.go and build/opt.go, toSolveOpt.
    private static func isOfEngine(_ name: ByteString, _ value: ByteString) -> Bool {
        switch name {
        case "output", "cgroup-parent", "annotation", "attest", "security-opt", "cache-from", "cache-to": true
        case "push": Bool(goText: value) != false
        // The image that docker's exporter makes holds no attestations.
        case "sbom", "provenance": Bool(goText: value) != false
        case "network": value == "host"
        case "add-host": value.range(of: "host-gateway") != nil
        case "allow": !value.hasPrefix("fs")
        // The frontend would be the user's.
        case "build-arg": value.hasPrefix("BUILDKIT_SYNTAX=")
        default: false
        }
    }

    /// The same of a target's fields.
    public static func obstacle(to target: BakeTarget) -> Note? {
        func refusal(_ text: ByteString) -> Note { Note(.sharedBuilderUnsuited, target.name + ", " + text) }
        guard let fields = JSON(target.others) else { return refusal("unclear") }
        func isGiven(_ name: ByteString) -> Bool {
            switch fields[key: name] {
            case nil, .null: false
            case .array(let elements)?: !elements.isEmpty
            case .object(let members)?: !members.isEmpty
            default: true
            }
        }
        if let output = fields[key: "output"], output != .null {
            guard let outputs = output.array, outputs.allSatisfy(loads) else { return refusal("output") }
        }
        for name in ["cache-from", "cache-to", "annotations", "entitlements"] as [ByteString] where isGiven(name) {
            return refusal(name)
        }
        if isGiven("attest"), fields[key: "attest"]?.array?.allSatisfy(isDisabled) != true { return refusal("attest") }
        if fields[key: "network"]?.string == "host" { return refusal("network") }
        if let hosts = fields[key: "extra-hosts"], hosts.text.range(of: "host-gateway") != nil {
            return refusal("extra-hosts")
        }
        if target.platforms.count > 1 { return refusal("several platforms") }
        if target.arguments.contains(where: { $0.hasPrefix("BUILDKIT_SYNTAX=") }) { return refusal("its own frontend") }
        return target.isPassThrough ? refusal("call") : nil
    }

    /// Whether an output is what the engine's own builder would do by itself.
    private static func loads(_ output: JSON) -> Bool {
        switch output {
        case .string(let text): text == "type=docker"
        case .object(let members): members.count == 1 && output[key: "type"]?.string == "docker"
        default: false
        }
    }

    private static func isDisabled(_ attestation: JSON) -> Bool {
        switch attestation {
        case .string(let text): (CSV.fields(of: text) ?? []).contains("disabled=true")
        case .object: attestation[key: "disabled"]?.string == "true"
        default: false
        }
    }

    /// The command with a builder, directly after the command word: a later one of the user's would win.
    public static func plan(_ words: [ByteString], on builder: ByteString, after place: Int) -> Plan {
        Plan(
            words, edits: [.insert(["--builder=" + builder], after: place)],
            notes: [Note(.sharedBuilderChosen, builder)])
    }
}
