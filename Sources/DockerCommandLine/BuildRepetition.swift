public import Formats

extension BuildInvocation {
    /// What happens to an option if a build is solved again only for its cache.
    private enum Repeated {
        /// It affects the steps.
        case kept
        /// It affects what happens to the result.
        case dropped
    }

    /// An option that is not listed here may mean anything; secrets and agents may work only once.
    private static let repeated: [(StaticString, Repeated)] = [
        ("add-host", .kept), ("allow", .kept), ("annotation", .dropped), ("attest", .dropped), ("build-arg", .kept),
        ("builder", .kept), ("cache-from", .kept), ("cgroup-parent", .kept), ("compress", .dropped),
        ("cpu-period", .kept), ("cpu-quota", .kept), ("cpu-shares", .kept), ("cpuset-cpus", .kept),
        ("cpuset-mems", .kept), ("debug", .dropped), ("file", .kept), ("force-rm", .dropped), ("iidfile", .dropped),
        ("isolation", .kept), ("label", .dropped), ("load", .dropped), ("memory", .kept), ("memory-swap", .kept),
        ("metadata-file", .dropped), ("network", .kept), ("output", .dropped), ("platform", .kept),
        ("progress", .dropped), ("provenance", .dropped), ("push", .dropped), ("quiet", .dropped),
        ("resource", .kept), ("rm", .dropped), ("sbom", .dropped), ("security-opt", .kept), ("shm-size", .kept),
        ("tag", .dropped), ("target", .kept), ("ulimit", .kept),
    ]

    /// Their names.
    static var repeatedOptions: Set<String> { Set(repeated.map { $0.0.description }) }

    /// The name of an option that prevents the repetition of a build; nil if there is none. A repetition has the same
    /// steps.
    public var obstacleToRepetition: ByteString? {
        guard context != "-", file != "-" else { return "standard input" }
        let names = scan.occurrences.map { ByteString(stringLiteral: $0.row.name) }
        return names.first { name in !Self.repeated.contains { ByteString(stringLiteral: $0.0) == name } }
            .map { "--" + $0 }
    }

    /// The command that solves the same build again, with no effect besides that of `options`. `arguments` are the
    /// command's own.
    public func repetition(_ arguments: [ByteString], options: [ByteString]) -> [ByteString] {
        let kept = scan.occurrences.filter { occurrence in
            Self.repeated.contains { name, fate in
                fate == .kept && ByteString(stringLiteral: name) == ByteString(stringLiteral: occurrence.row.name)
            }
        }
        var words = Array(arguments[...commandWordIndex]) + options
        for option in kept { words.append("--" + ByteString(stringLiteral: option.row.name) + "=" + option.value) }
        words.append("--")
        return words + positionals
    }
}
