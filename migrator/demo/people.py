"""Who works at 見本商会, who writes to them, and what about. All of it is made up."""

from dataclasses import dataclass

HOME = "example.co.jp"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mail address; `login` is empty for people outside the company."""

    name: str
    address: str
    login: str = ""
    section: str = ""
    gone: bool = False
    """Left the company; their mail did not."""


def _staff(login: str, name: str, section: str, *, gone: bool = False) -> Person:
    return Person(name, f"{login}@{HOME}", login, section, gone)


STAFF = (
    _staff("sato", "佐藤 健一", "営業部"),
    _staff("suzuki", "鈴木 美咲", "営業部"),
    _staff("takahashi", "高橋 大輔", "営業部"),
    _staff("tanaka", "田中 由紀子", "総務部"),
    _staff("ito", "伊藤 翔", "技術部"),
    _staff("watanabe", "渡邉 恵", "技術部"),
    _staff("yamamoto", "山本 直樹", "技術部"),
    _staff("nakamura", "中村 さくら", "経理部"),
    _staff("kobayashi", "小林 誠", "経理部"),
    _staff("kato", "加藤 麻衣", "お客様相談室"),
    _staff("yoshida", "吉田 浩二", "営業部", gone=True),
    _staff("takagi", "髙木 亮", "技術部", gone=True),
)

SUPPORT = Person("お客様相談室", f"support@{HOME}", "support", "メール共有")
SALES = Person("営業窓口", f"sales@{HOME}", "sales", "メール共有")

CUSTOMERS = (
    Person("㈱例示工業 森", "mori@reiji.example"),
    Person("架空電機 清水", "shimizu@kakuu-denki.example"),
    Person("見本堂書店 岡田", "okada@example.com"),
    Person("試験運輸 長谷川", "hasegawa@shiken-unyu.example"),
    Person("ダミー食品 石井", "ishii@dummy-foods.example"),
    Person("仮名設計 𠮷川", "yoshikawa@kamei.example"),
)

SHOP = Person("架空オンラインショップ", "order@kakuu-shop.example")

NEWSLETTERS = (
    Person("見本ニュース編集部", "news@mihon-news.example"),
    Person("週刊かくう通信", "weekly@kakuu-tsushin.example"),
    Person("セミナー事務局", "seminar@dummy-seminar.example"),
)

MATTERS = (
    "お見積りのお願い",
    "納期について",
    "①号機の保守点検",
    "請求書の件(４月分)",
    "打合せ議事録",
    "図面～改訂版",
    "契約更新のご相談",
    "サンプル品の発送",
    "ｼｽﾃﾑ停止のお知らせ",
    "年末年始の営業日",
)

SENTENCES = (
    "いつもお世話になっております。",
    "標記の件、下記のとおりご連絡いたします。",
    "先日はお忙しいところお時間をいただき、ありがとうございました。",
    "ご不明な点がございましたら、お気軽にお問い合わせください。",
    "添付の資料をご確認のほど、よろしくお願いいたします。",
    "納品は来週火曜日を予定しております。",
    "①本体 ②付属品 ③取扱説明書の３点をお送りします。",
    "担当の者より、あらためてお電話を差し上げます。",
    "恐れ入りますが、今週中にご返信いただけますでしょうか。",
    "単価は据え置き、数量は10%増でお願いできればと存じます。",
    "現地の気温は５℃、風が強く作業は午後からになりました。",
    "ﾃｽﾄ機のﾛｸﾞを確認したところ、異常はありませんでした。",
)

QUESTIONS = (
    "電源が入りません",
    "領収書を再発行してほしい",
    "配送先を変更したい",
    "型番ABC-100の在庫について",
    "返品の手順を教えてください",
    "保証書が見当たりません",
    "会員登録ができない",
    "修理の進み具合はいかがですか",
    "取扱説明書をなくしました",
    "部品だけ購入できますか",
    "名義の変更をお願いします",
    "音が出なくなりました",
    "請求額が違うようです",
    "お礼",
)
