# Made by migrator for the administrator of Exchange Server or Exchange Online.
# migrator が作成した、Exchange Server または Exchange Online の管理者のためのスクリプトです。
#
# As it is, it only shows what it would do. To do it, add -Apply. It takes nothing away and may be run again.
# そのまま実行すると、何をするかを表示するだけです。実行するには -Apply を付けます。権限を奪うことはなく、何度でも実行できます。
#
#   1. every shared mailbox exists              共有メールボックスを用意する
#   2. who may open it whole (Full Access)      全体を開ける人（フルアクセス）
#   3. who may send as it (Send As)             そのアドレスで送信できる人
#   4. old mail is left where it lies until the company has signed (retention hold)
#                                               承認まで、保持ポリシーに古いメールを動かさせない
#   5. public folders for the shared inboxes that lie there; of a folder made here, others see the name
#                                               共有受信箱を置くパブリック フォルダー（新しく作るものは、ほかの人には名前だけ見えます）
#
# A person's own mailbox is not made here, for it needs an account and a licence: those that are missing are listed.
# 個人のメールボックスはアカウントとライセンスが要るため作りません。足りないものは一覧に出ます。
#
# After sign-off / 承認のあとで:  -Apply -Release

[CmdletBinding()]
param([switch]$Apply, [switch]$Release)

$ErrorActionPreference = 'Stop'
$ShowOnly = -not $Apply
$Online = [bool](Get-Command Add-RecipientPermission -ErrorAction SilentlyContinue)

function Find-Existing([string]$Address) {
    $found = Get-Mailbox -Identity $Address -ErrorAction SilentlyContinue
    if (-not $found) { Write-Warning "no mailbox yet / まだありません: $Address" }
    $found
}

function Set-Shared([string]$Address, [string]$Name) {
    if (Get-Mailbox -Identity $Address -ErrorAction SilentlyContinue) { return }
    $alias = $Address.Split('@')[0]
    New-Mailbox -Shared -Name $Name -DisplayName $Name -Alias $alias -PrimarySmtpAddress $Address -WhatIf:$ShowOnly |
        Out-Null
}

function Set-Whole([string]$Address, [string]$Person) {
    if (-not (Find-Existing $Address)) { return }
    $has = Get-MailboxPermission -Identity $Address -User $Person -ErrorAction SilentlyContinue |
        Where-Object { $_.AccessRights -contains 'FullAccess' -and -not $_.Deny }
    if ($has) { return }
    Add-MailboxPermission -Identity $Address -User $Person -AccessRights FullAccess -WhatIf:$ShowOnly | Out-Null
}

function Set-SendAs([string]$Address, [string]$Person) {
    $mailbox = Find-Existing $Address
    if (-not $mailbox) { return }
    if ($Online) {
        Add-RecipientPermission -Identity $Address -Trustee $Person -AccessRights SendAs -Confirm:$false -WhatIf:$ShowOnly |
            Out-Null
    } else {
        $mailbox | Add-ADPermission -User $Person -ExtendedRights 'Send As' -WhatIf:$ShowOnly | Out-Null
    }
}

function Set-Public([string]$Path, [string]$Owner) {
    if (-not (Get-Mailbox -PublicFolder -ErrorAction SilentlyContinue)) {
        New-Mailbox -PublicFolder -Name 'PublicFolders' -WhatIf:$ShowOnly | Out-Null
    }
    $here = ''
    foreach ($name in ($Path.Split('/') | Where-Object { $_ })) {
        $above = if ($here) { $here } else { '\' }
        $here = "$here\$name"
        if (Get-PublicFolder -Identity $here -ErrorAction SilentlyContinue) { continue }
        New-PublicFolder -Name $name -Path $above -WhatIf:$ShowOnly | Out-Null
        if ($ShowOnly) { continue }
        # everybody may read and write in a new public folder / 新しいパブリック フォルダーは全員が読み書きできるため
        Remove-PublicFolderClientPermission -Identity $here -User Default -Confirm:$false
        Add-PublicFolderClientPermission -Identity $here -User Default -AccessRights FolderVisible | Out-Null
    }
    $has = Get-PublicFolderClientPermission -Identity $here -User $Owner -ErrorAction SilentlyContinue |
        Where-Object { $_.AccessRights -contains 'Owner' }
    if ($has) { return }
    Add-PublicFolderClientPermission -Identity $here -User $Owner -AccessRights Owner -WhatIf:$ShowOnly | Out-Null
}

function Set-Hold([string]$Address) {
    if (-not (Find-Existing $Address)) { return }
    Set-Mailbox -Identity $Address -RetentionHoldEnabled (-not $Release) -WhatIf:$ShowOnly
}
