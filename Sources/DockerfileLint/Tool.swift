internal import Formats

/// A tool that has a cache, and its rules.
enum Tool: Sendable {
    case pip, npm, yarn, uv, goModules, goBuilds

    /// The variables for its cache; the first that is set decides. The second part is appended to the value.
    var variables: [(name: ByteString, rest: ByteString)] {
        switch self {
        case .pip: [("PIP_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/pip")]
        case .npm: [("npm_config_cache", ""), ("NPM_CONFIG_CACHE", "")]
        case .yarn: [("YARN_CACHE_FOLDER", "")]
        case .uv: [("UV_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/uv")]
        case .goModules: [("GOMODCACHE", ""), ("GOPATH", "/pkg/mod")]
        case .goBuilds: [("GOCACHE", ""), ("XDG_CACHE_HOME", "/go-build")]
        }
    }

    /// Its default cache directory without any variables; nil if in doubt.
    func standardPlace(_ now: StageState) -> ByteString? {
        switch self {
        case .pip: return now.home.map { $0.appending(path: ".cache/pip").cleanedPath }
        case .npm: return now.home.map { $0.appending(path: ".npm").cleanedPath }
        case .uv: return now.home.map { $0.appending(path: ".cache/uv").cleanedPath }
        case .yarn:
            // yarn 1, src/util/user-home-dir.js: root's home is /usr/local/share.
            if now.uid == 0 { return "/usr/local/share/.cache/yarn" }
            return now.home.map { $0.appending(path: ".cache/yarn").cleanedPath }
        case .goModules:
            if now.isGolang { return "/go/pkg/mod" }
            return now.base == .unknown ? nil : now.home.map { $0.appending(path: "go/pkg/mod").cleanedPath }
        case .goBuilds: return now.home.map { $0.appending(path: ".cache/go-build").cleanedPath }
        }
    }

    /// Options that select another cache directory.
    var placeOptions: [StaticString] {
        switch self {
        case .pip, .uv: ["--cache-dir"]
        case .npm: ["--cache"]
        case .yarn: ["--cache-folder"]
        case .goModules, .goBuilds: []
        }
    }

    var program: Program {
        switch self {
        case .pip: .pip
        case .npm: .npm
        case .yarn: .yarn
        case .uv: .uv
        case .goModules, .goBuilds: .go
        }
    }

    /// Words that make it fetch something, and words that make it do anything else. The first one found decides.
    var installing: [StaticString] {
        switch self {
        case .pip: ["install", "wheel", "download"]
        case .npm: ["ci", "install", "i", "add", "clean-install", "install-clean", "update"]
        case .yarn: ["install", "add", "upgrade"]
        case .uv: ["install", "sync", "add", "tool", "run", "lock", "compile"]
        case .goModules, .goBuilds: ["build", "install", "get", "mod", "test", "run", "generate", "vet"]
        }
    }
    private var others: [StaticString] {
        [
            "cache", "clean", "config", "uninstall", "list", "show", "freeze", "check", "run", "test", "exec", "env",
            "version",
        ]
    }

    /// What a call does: fetch something, `cache` and the like, or anything else.
    enum Deed { case installs, cleans, other }

    func deed(_ call: Call, _ calls: Calls) -> Deed {
        var isBare = true
        for index in calls.arguments(of: call) where !calls.hasPrefix("-", index, of: call) {
            if installing.contains(where: { calls.holds($0, index, of: call) }) { return .installs }
            if calls.holds("cache", index, of: call) || calls.holds("clean", index, of: call) { return .cleans }
            if others.contains(where: { calls.holds($0, index, of: call) }) { return .other }
            isBare = false
        }
        // `yarn` without arguments installs.
        let asks = calls.arguments(of: call).contains {
            calls.holds("--version", $0, of: call) || calls.holds("-v", $0, of: call)
                || calls.holds("--help", $0, of: call)
        }
        return self == .yarn && isBare && !asks ? .installs : .other
    }

    /// Whether a mount is meant for it, judging by its target.
    func isMeant(_ target: ByteString) -> Bool {
        let last = target.lastPathComponent
        switch self {
        case .pip: return last == "pip" || last == ".pip" || last == "pip-cache"
        case .npm: return last == ".npm" || last == "npm" || last == "_cacache"
        case .yarn: return last == "yarn" || last == ".yarn-cache"
        case .uv: return last == "uv"
        case .goModules: return target.hasSuffix("/pkg/mod")
        case .goBuilds: return last == "go-build"
        }
    }

    // Its rules; nil if nothing was measured.
    var cacheElsewhere: Rule? {
        switch self {
        case .pip: .pipCacheElsewhere
        case .npm: .npmCacheElsewhere
        case .yarn: .yarnCacheElsewhere
        case .uv: .uvCacheElsewhere
        case .goModules: .goMountElsewhere
        case .goBuilds: nil
        }
    }
    var mountElsewhere: Rule? {
        switch self {
        case .pip: .pipMountElsewhere
        case .npm: .npmMountElsewhere
        case .yarn: .yarnMountElsewhere
        case .uv: .uvMountElsewhere
        case .goModules: .goMountElsewhere
        case .goBuilds: nil
        }
    }
    var unwritable: Rule? {
        switch self {
        case .pip: .pipMountUnwritable
        case .npm: .npmMountUnwritable
        case .uv: .uvMountUnwritable
        case .yarn, .goModules, .goBuilds: nil
        }
    }
    var emptied: Rule {
        switch self {
        case .pip: .pipEmptied
        case .npm: .npmEmptied
        case .yarn: .yarnEmptied
        case .uv: .uvEmptied
        case .goModules, .goBuilds: .goEmptied
        }
    }
}

/// Where a call's cache is, and what determines that.
struct CachePlace {
    enum Source {
        case standard
        /// An option, by the index of its word.
        case option(Int)
        /// A variable, by its range in the file.
        case variable(ByteString, Range<Int>)
    }
    /// nil if in doubt.
    var path: ByteString?
    var source = Source.standard
}

extension Linter {
    /// A variable as a call sees it: set before it, exported earlier in the RUN, or set by ENV or ARG. The value is
    /// nil if in doubt.
    func variable(_ name: ByteString, _ call: Call, _ calls: Calls) -> (
        value: ByteString?, place: Range<Int>, word: Int?
    )? {
        for index in call.assignments.reversed() {
            if let value = assigned(name, index, call, calls) { return (value, calls.place(index, of: call), index) }
        }
        // Without `export` it affects only a variable that is in the environment already.
        if let (other, word) = calls.export(of: name, before: call), other.name >= 0 || now.variables[name] != nil,
            let value = assigned(name, word, other, calls)
        {
            return (value, calls.place(word, of: other), nil)
        }
        return now.variables[name].map { ($0.value, $0.place, nil) }
    }

    private func assigned(_ name: ByteString, _ index: Int, _ call: Call, _ calls: Calls) -> ByteString?? {
        let bytes = calls.bytes(of: call)
        let range = calls.content(index, of: call)
        guard range.count > name.count, bytes[range.lowerBound + name.count] == UInt8(ascii: "="),
            bytes[range.lowerBound..<range.lowerBound + name.count].elementsEqual(name.bytes)
        else { return nil }
        let value = ByteString(calls.value(index, of: call)).dropFirst(name.count + 1)
        return .some(calls.command(of: call).words[index].isExpanded ? now.expand(value) : value)
    }

    /// Where a call's cache is; `standard` is the tool's default directory.
    func cachePlace(_ tool: Tool, _ call: Call, _ calls: Calls, _ standard: ByteString?) -> CachePlace {
        for index in calls.arguments(of: call) {
            for option in tool.placeOptions {
                if calls.holds(option, index, of: call), calls.arguments(of: call).contains(index + 1) {
                    return CachePlace(path: known(calls.value(index + 1, of: call)), source: .option(index))
                }
                let length = option.utf8CodeUnitCount
                let content = calls.content(index, of: call)
                if calls.hasPrefix(option, index, of: call), content.count > length,
                    calls.bytes(of: call)[content.lowerBound + length] == UInt8(ascii: "=")
                {
                    return CachePlace(
                        path: known(calls.value(index, of: call).dropFirst(length + 1)), source: .option(index))
                }
            }
        }
        for (name, rest) in tool.variables {
            guard let (value, place, _) = variable(name, call, calls), value != "" else { continue }
            let path = value.flatMap { $0.hasPrefix("/") ? ($0 + rest).cleanedPath : nil }
            return CachePlace(path: path, source: .variable(name, place))
        }
        if let (value, place, _) = variable("HOME", call, calls), value != "", tool != .yarn || now.uid != 0 {
            var there = now
            there.set("HOME", .init(value: value, place: place, isArgument: false))
            return CachePlace(path: tool.standardPlace(there), source: .variable("HOME", place))
        }
        return CachePlace(path: standard)
    }

    /// The path that a shell makes from a word; nil if in doubt.
    func known(_ word: some Sequence<UInt8>) -> ByteString? {
        var path = ByteString(word)
        if path == "~" || path.hasPrefix("~/") {
            guard let home = now.home else { return nil }
            path = home + path.dropFirst(1)
        } else if path.hasPrefix("$HOME") || path.hasPrefix("${HOME}") {
            guard let home = now.home else { return nil }
            path = home + path.dropFirst(path.hasPrefix("${") ? 7 : 5)
        }
        guard let expanded = now.expand(path), expanded.hasPrefix("/") else { return nil }
        return expanded.cleanedPath
    }
}
