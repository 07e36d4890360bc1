public import Formats

/// What a docker command line requests.
public enum Invocation: Equatable, Sendable {
    /// A build that BuildKit's client may run.
    case build(BuildInvocation)
    /// Builds of a definition's targets.
    case bake(BakeInvocation)
    /// A compose command that builds or creates containers.
    case compose(ComposeInvocation)
    /// A command that creates a container, and may start it.
    case container(ContainerInvocation)
    /// A command that creates a volume.
    case volume(VolumeInvocation)
    /// Any other command, by its first word; nil if there is none.
    case other(ByteString?)
    /// A line that docker refuses, or that its versions interpret differently.
    case notUnderstood(GrammarError)

    /// The program that the command line is for.
    public enum Program: Sendable {
        /// docker's own.
        case docker
        /// buildx run by docker as a plugin: docker's options, the word `buildx`, and buildx's arguments.
        case plugin
        /// buildx run directly, as compose does: buildx's arguments.
        case buildx
    }

    /// Parses a whole command line, in which `arguments[0]` is the program's name.
    public static func parse(_ arguments: [ByteString], of program: Program = .docker) -> Invocation {
        do throws(GrammarError) {
            switch program {
            case .docker: return try read(arguments)
            case .plugin: return try readPlugin(arguments)
            case .buildx:
                return try readBuildx(arguments, globals: GlobalOptions(Scan([], from: 0, table: .docker)), at: 0)
            }
        } catch {
            return .notUnderstood(error)
        }
    }

    private static func read(_ arguments: [ByteString]) throws(GrammarError) -> Invocation {
        let global = try Scan(arguments, from: 1, table: .docker)
        guard let index = global.positionals.first else { return .other(nil) }
        let word = arguments[index]
        guard !global.isPassThrough else { return .other(word) }
        let globals = GlobalOptions(global)
        switch word {
        case "build":
            try checkForwarding(arguments, of: ["build"], at: index)
            return .build(
                try BuildInvocation(arguments, globals: globals, route: .forwarded, parent: nil, wordAt: index))
        case "image":
            guard index + 1 < arguments.count, arguments[index + 1] == "build" else { return .other(word) }
            try checkForwarding(arguments, of: ["image", "build"], at: index)
            return .build(
                try BuildInvocation(arguments, globals: globals, route: .forwarded, parent: nil, wordAt: index + 1))
        case "bake":
            try checkForwarding(arguments, of: ["bake"], at: index)
            return .bake(
                try BakeInvocation(arguments, globals: globals, route: .forwarded, parent: nil, wordAt: index))
        case "builder", "buildx": return try readBuildx(arguments, globals: globals, at: index)
        case "compose":
            let options = try Scan(arguments, from: index + 1, table: .compose)
            try checkTraversal(options)
            guard let compose = try ComposeInvocation(arguments, globals: globals, options: options) else {
                return .other(word)
            }
            return .compose(compose)
        case "run", "create":
            return .container(try ContainerInvocation(arguments, globals: globals, wordAt: index))
        case "container":
            guard index + 1 < arguments.count, ["run", "create"].contains(arguments[index + 1]) else {
                return .other(word)
            }
            return .container(try ContainerInvocation(arguments, globals: globals, wordAt: index + 1))
        case "volume":
            guard index + 1 < arguments.count, arguments[index + 1] == "create" else { return .other(word) }
            return .volume(try VolumeInvocation(arguments, globals: globals, wordAt: index + 1))
        default:
            return .other(word)
        }
    }

    /// What docker/cli cli-plugins/plugin/plugin.go passes to a plugin: docker's arguments, with aliases of the
    /// command expanded.
    private static func readPlugin(_ arguments: [ByteString]) throws(GrammarError) -> Invocation {
        let global = try Scan(arguments, from: 1, table: .docker)
        guard let index = global.positionals.first, arguments[index] == "buildx", !global.isPassThrough else {
            return .other(global.positionals.first.map { arguments[$0] })
        }
        return try readBuildx(arguments, globals: GlobalOptions(global), at: index)
    }

    /// The arguments after the word `buildx` or `builder`, or after the program's own name.
    private static func readBuildx(
        _ arguments: [ByteString], globals: GlobalOptions, at index: Int
    ) throws(GrammarError) -> Invocation {
        let word = arguments.indices.contains(index) ? arguments[index] : ""
        let parent = try Scan(arguments, from: index + 1, table: .buildx)
        guard let inner = parent.positionals.first, !parent.isPassThrough else { return .other(word) }
        // docker/buildx commands/build.go, buildCmd, and bake.go, bakeCmd: the names and their aliases.
        let isBuild = ["build", "b"].contains(arguments[inner])
        guard isBuild || ["bake", "f"].contains(arguments[inner]) else { return .other(word) }
        try checkTraversal(parent)
        if word == "builder" { try checkForwarding(arguments, of: ["builder"], at: index) }
        let route: BakeInvocation.Route = word == "builder" ? .builder : .buildx
        if isBuild {
            return .build(
                try BuildInvocation(
                    arguments, globals: globals, route: route == .builder ? .forwarded : .buildx, parent: parent,
                    wordAt: inner))
        }
        return .bake(try BakeInvocation(arguments, globals: globals, route: route, parent: parent, wordAt: inner))
    }

    /// Refuses what cobra's Traverse, which searches for the sub-command before pflag parses the options, reads
    /// differently: it takes `--` for an option that needs a value, and a leading dash never for the start of a
    /// value.
    private static func checkTraversal(_ parent: Scan) throws(GrammarError) {
        if let terminator = parent.terminator { throw .betweenCommandWords(terminator) }
        for occurrence in parent.occurrences where occurrence.arguments.count > 1 && occurrence.value.hasPrefix("-") {
            throw .betweenCommandWords(occurrence.arguments.lowerBound)
        }
    }

    /// Refuses a line in which docker would rewrite another argument than the command words: it decides by the first
    /// word after the global options, but replaces the first match among all arguments, the program's name included
    /// (docker/cli cmd/docker/builder.go, forwardBuilder).
    private static func checkForwarding(
        _ arguments: [ByteString], of words: [ByteString], at index: Int
    ) throws(GrammarError) {
        let found = firstMatch(of: words, in: arguments)
        if found != index { throw .commandWordRepeated(found ?? index) }
    }

    /// The index at which docker finds the words. After a mismatch it does not try the current argument as the
    /// first word, so that `image image build` has no match (docker/cli cmd/docker/aliases_utils.go,
    /// stringSliceIndex).
    private static func firstMatch(of words: [ByteString], in arguments: [ByteString]) -> Int? {
        var matched = 0
        for (index, argument) in arguments.enumerated() {
            matched = matched < words.count && words[matched] == argument ? matched + 1 : 0
            if matched == words.count { return index + 1 - matched }
        }
        return nil
    }
}
