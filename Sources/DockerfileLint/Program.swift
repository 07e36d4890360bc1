internal import Formats

/// The program that a command runs, to the extent that the rules need it, and the search for the program that is
/// really run.
enum Program: Sendable {
    case pip, npm, yarn, uv, go, apt, aptGet
    /// Also install packages, but no rule knows their caches.
    case otherInstaller
    case rm, curl, wget, shell, interpreter, export, set, makesAccounts
    // These run another program.
    case python, env, sudo, su, gosu, runuser, xargs, timeout, wrapper
    /// A word of the shell language before a command.
    case keyword
    case other

    /// From the last component of a path.
    init(_ bytes: [UInt8], _ path: Range<Int>) {
        var start = path.upperBound
        while start > path.lowerBound, bytes[start - 1] != UInt8(ascii: "/") { start -= 1 }
        let name = start..<path.upperBound
        func `is`(_ text: StaticString) -> Bool { bytes.holds(text, at: name) }
        guard let first = name.first else {
            self = .other
            return
        }
        switch bytes[first] {
        case UInt8(ascii: "a"):
            self =
                `is`("apt-get")
                ? .aptGet
                : `is`("apt")
                    ? .apt
                    : `is`("adduser") ? .makesAccounts : `is`("apk") || `is`("aptitude") ? .otherInstaller : .other
        case UInt8(ascii: "b"):
            self = `is`("bash") ? .shell : `is`("bundle") || `is`("bun") ? .otherInstaller : .other
        case UInt8(ascii: "c"):
            self =
                `is`("curl")
                ? .curl
                : `is`("command") || `is`("chronic")
                    ? .wrapper
                    : `is`("cargo") || `is`("composer") || `is`("conda") ? .otherInstaller : .other
        case UInt8(ascii: "d"):
            self = `is`("dash") ? .shell : `is`("dnf") ? .otherInstaller : `is`("do") ? .keyword : .other
        case UInt8(ascii: "e"):
            self =
                `is`("env")
                ? .env
                : `is`("export")
                    ? .export
                    : `is`("exec") || `is`("eatmydata") ? .wrapper : `is`("else") || `is`("elif") ? .keyword : .other
        case UInt8(ascii: "g"): self = `is`("go") ? .go : `is`("gosu") ? .gosu : `is`("gem") ? .otherInstaller : .other
        case UInt8(ascii: "i"): self = `is`("if") ? .keyword : .other
        case UInt8(ascii: "m"): self = `is`("mamba") || `is`("micromamba") ? .otherInstaller : .other
        case UInt8(ascii: "n"):
            self = `is`("npm") ? .npm : `is`("node") ? .interpreter : `is`("nice") || `is`("nohup") ? .wrapper : .other
        case UInt8(ascii: "p"): self = Self.p(bytes, name)
        case UInt8(ascii: "r"):
            self = `is`("rm") ? .rm : `is`("ruby") ? .interpreter : `is`("runuser") ? .runuser : .other
        case UInt8(ascii: "s"):
            self =
                `is`("sh")
                ? .shell
                : `is`("sudo")
                    ? .sudo
                    : `is`("su")
                        ? .su : `is`("su-exec") ? .gosu : `is`("set") ? .set : `is`("stdbuf") ? .wrapper : .other
        case UInt8(ascii: "t"):
            self = `is`("then") ? .keyword : `is`("time") ? .wrapper : `is`("timeout") ? .timeout : .other
        case UInt8(ascii: "u"):
            self = `is`("uv") ? .uv : `is`("useradd") ? .makesAccounts : `is`("until") ? .keyword : .other
        case UInt8(ascii: "w"): self = `is`("wget") ? .wget : `is`("while") ? .keyword : .other
        case UInt8(ascii: "x"): self = `is`("xargs") ? .xargs : .other
        case UInt8(ascii: "y"): self = `is`("yarn") || `is`("yarnpkg") ? .yarn : `is`("yum") ? .otherInstaller : .other
        case UInt8(ascii: "z"): self = `is`("zsh") ? .shell : .other
        case UInt8(ascii: "!"), UInt8(ascii: "{"): self = name.count == 1 ? .keyword : .other
        default: self = .other
        }
    }

    private static func p(_ bytes: [UInt8], _ name: Range<Int>) -> Program {
        if isVersioned("pip", bytes, name) { return .pip }
        if isVersioned("python", bytes, name) || isVersioned("pypy", bytes, name) { return .python }
        if bytes.holds("pnpm", at: name) || bytes.holds("poetry", at: name) || bytes.holds("pipenv", at: name) {
            return .otherInstaller
        }
        return bytes.holds("perl", at: name) || bytes.holds("php", at: name) ? .interpreter : .other
    }

    /// pip, pip3, pip3.11 and pip-3.11.
    static func isVersioned(_ program: StaticString, _ bytes: [UInt8], _ name: Range<Int>) -> Bool {
        guard bytes.hasPrefix(program, at: name) else { return false }
        return bytes[(name.lowerBound + program.utf8CodeUnitCount)..<name.upperBound].allSatisfy {
            $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
    }
}
