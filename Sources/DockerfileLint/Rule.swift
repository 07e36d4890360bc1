public import Formats

/// Everything that `slipway lint` can report. Codes are stable: a number is never reused for another meaning. The
/// hundreds digit stands for the tool, and the rest means the same for each tool. docs/lint.md has them all; a test
/// keeps both equal.
public enum Rule: UInt16, CaseIterable, Sendable {
    // 0xx: the file, and mounts of any tool
    case heredocUnended = 1
    case instructionUnknown = 2
    case mountPointRemoved = 11
    case cacheMountsApart = 12

    // 1xx: pip
    case pipOff = 101
    case pipVariableOff = 102
    case pipConfigurationOff = 103
    case pipCacheElsewhere = 104
    case pipMountElsewhere = 105
    case pipMountUnwritable = 106
    case pipMountOfRoot = 107
    case pipMountOfOthers = 108
    case pipOtherUser = 109
    case pipEmptied = 110
    case pipMountReadOnly = 112
    case pipMountOnOtherRun = 113
    case pipMountTemporary = 114

    // 2xx: npm
    case npmCacheElsewhere = 204
    case npmMountElsewhere = 205
    case npmMountUnwritable = 206
    case npmEmptied = 210
    case npmModulesMounted = 215

    // 3xx: yarn 1
    case yarnCacheElsewhere = 304
    case yarnMountElsewhere = 305
    case yarnEmptied = 310
    case yarnMountPointCleaned = 311

    // 4xx: uv
    case uvOff = 401
    case uvVariableOff = 402
    case uvCacheElsewhere = 404
    case uvMountElsewhere = 405
    case uvMountUnwritable = 406
    case uvEmptied = 410

    // 5xx: go
    case goMountElsewhere = 505
    case goEmptied = 510
    case goMountPointCleaned = 511

    // 6xx: apt
    case aptDockerClean = 601
    case aptDeletes = 602
    case aptMountElsewhere = 605
    case aptEmptied = 610
    case aptListsRemoved = 616

    // 7xx: what makes other clones miss
    case copyWithoutIgnore = 701
    case gitInContext = 702
    case baseFloats = 703
    case commitArgument = 704
    case syntaxFloats = 705

    // 8xx: the shell
    case versionRedirected = 801
    case versionRead = 802
    case downloadExecuted = 803

    /// The code for people and programs, such as "LNT101".
    public var code: ByteString { "LNT" + ByteString(decimal: rawValue).zeroPadded(to: 3) }

    /// The rule for a code, in upper or lower case; nil if there is none.
    public init?(code: ByteString) {
        let code = code.lowercasedASCII
        guard code.count == 6, code.hasPrefix("lnt"), let number = code.dropFirst(3).decimal,
            let rule = UInt16(exactly: number).flatMap(Rule.init(rawValue:))
        else { return nil }
        self = rule
    }

    /// Where it is explained.
    public var link: ByteString { "docs/lint.md#" + code.lowercasedASCII }
}

/// How bad a finding is.
public enum Severity: Int, Comparable, Sendable {
    /// Builds share less than they could.
    case note
    /// Something does not have the requested effect.
    case warning
    /// The build fails.
    case error

    /// The name in JSON and SARIF.
    public var name: ByteString {
        switch self {
        case .note: "note"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// By increasing severity.
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}
