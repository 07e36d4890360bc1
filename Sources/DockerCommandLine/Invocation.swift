public import Formats

/// What a docker command line asks for.
public enum Invocation: Equatable, Sendable {
    /// A build that BuildKit's client may come to run.
    case build(BuildInvocation)
    /// Builds of a definition's targets.
    case bake(BakeInvocation)
    /// What compose builds, or makes containers of.
    case compose(ComposeInvocation)
    /// A container that is made, and perhaps started.
    case container(ContainerInvocation)
    /// A volume that is made.
    case volume(VolumeInvocation)
    /// Any other command, by its first word; nil when there is none.
    case other(ByteString?)
    /// A line that docker refuses, or that its versions read differently.
    case notUnderstood(GrammarError)

    /// Whose command line it is.
    public enum Program: Sendable {
        /// docker's own.
        case docker
        /// buildx's where docker runs it as a plugin: docker's options, the word `buildx`, and what belongs to it.
        case plugin
        /// buildx's where it is run by itself: what belongs to it, as compose does.
        case buildx
    }

    /// Reads a whole command line, `arguments[0]` being the program's name.
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

    /// What docker/cli cli-plugins/plugin/plugin.go hands to a plugin: docker's words, those of the command written out.
    private static func readPlugin(_ arguments: [ByteString]) throws(GrammarError) -> Invocation {
        let global = try Scan(arguments, from: 1, table: .docker)
        guard let index = global.positionals.first, arguments[index] == "buildx", !global.isPassThrough else {
            return .other(global.positionals.first.map { arguments[$0] })
        }
        return try readBuildx(arguments, globals: GlobalOptions(global), at: index)
    }

    /// What follows the word `buildx` or `builder`, or the program's own name.
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

    /// Refuses what cobra's Traverse, which looks for the sub-command before pflag sees the options, reads in its own
    /// way: it takes `--` for an option that wants a value, and never a dash for a value's beginning.
    private static func checkTraversal(_ parent: Scan) throws(GrammarError) {
        if let terminator = parent.terminator { throw .betweenCommandWords(terminator) }
        for occurrence in parent.occurrences where occurrence.arguments.count > 1 && occurrence.value.hasPrefix("-") {
            throw .betweenCommandWords(occurrence.arguments.lowerBound)
        }
    }

    /// Refuses a line in which docker would rewrite another argument than the command words: it decides by the first
    /// word after the global options, then replaces the first match in all arguments, the program's name included
    /// (docker/cli cmd/docker/builder.go, forwardBuilder).
    private static func checkForwarding(
        _ arguments: [ByteString], of words: [ByteString], at index: Int
    ) throws(GrammarError) {
        let found = firstMatch(of: words, in: arguments)
        if found != index { throw .commandWordRepeated(found ?? index) }
    }

    /// Where docker finds the words. After a mismatch the argument at hand is not tried as the first word, so that
    /// `image image build` holds no match (docker/cli cmd/docker/aliases_utils.go, stringSliceIndex).
    private static func firstMatch(of words: [ByteString], in arguments: [ByteString]) -> Int? {
        var matched = 0
        for (index, argument) in arguments.enumerated() {
            matched = matched < words.count && words[matched] == argument ? matched + 1 : 0
            if matched == words.count { return index + 1 - matched }
        }
        return nil
    }
}
